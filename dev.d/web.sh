# shellcheck shell=bash
# The front end in web/: its tools, its build, its checks and its tests.

web_dir=$root/web
# The tools, for everybody who runs this clone: node_modules, and what was built of which sources.
web_build_dir=$web_dir/build

# The origin of the page of the tests that embeds the element. The browser of the tests finds it without a name server.
readonly embedding_origin=http://embedding.localhost

# Whether this Node can run the tools (`engines` in web/package.json).
is_node_new_enough() {
    local version major minor
    version=$(node --version 2>/dev/null) || return 1
    [[ $version =~ ^v([0-9]+)\.([0-9]+)\. ]] || return 1
    major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
    ((major > 22 || (major == 22 && minor >= 12) || (major == 20 && minor >= 19)))
}

# Prints a digest of what npm installs: FOLDER
packages_digest() { cat -- "$1"/package.json "$1"/package-lock.json "$1"/.npmrc | sha256sum; }

# Installs the packages of a folder, unless they are there: FOLDER
install_web_packages() {
    local folder=$1 digest
    digest=$(packages_digest "$folder")
    [[ $(cat -- "$folder/node_modules/.installed" 2>/dev/null) != "$digest" ]] || return 0
    (cd -- "$folder" && npm ci --no-progress --loglevel=error) >&2 || return 1
    printf '%s\n' "$digest" >"$folder/node_modules/.installed"
}

# Installs what the front end is built with. If the Node of the system is too old, npm brings another one. Fails if npm
# cannot install it.
install_web_tools() {
    install_web_packages "$web_dir" || return 1
    is_node_new_enough || install_web_packages "$web_dir/node"
}

# Puts the tools on the PATH, and the Node that npm has brought if the system's is too old.
use_web_tools() {
    PATH=$web_dir/node_modules/.bin:$PATH
    is_node_new_enough || PATH=$web_dir/node/node_modules/.bin:$PATH
    is_node_new_enough || die "Node is too old for the tools of the front end"
}

# Prints a digest of everything that the built front end depends on.
web_sources_digest() (
    cd -- "$web_dir"
    find . \( -name node_modules -o -name tests -o -path ./testing -o -path ./screenshot -o -path ./dist -o -path ./build \) -prune \
        -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
)

# Builds the front end, if its sources have changed. The API embeds web/dist. Two builds in one clone would mix their files.
build_web() (
    mkdir -p -- "$web_build_dir"
    exec {web_lock_fd}>>"$web_build_dir/lock"
    flock "$web_lock_fd"
    digest=$(web_sources_digest)
    if [[ -e $web_dir/dist/inbox.js && -e $web_dir/dist/dashboard/index.html && $(cat -- "$web_build_dir/built-from" 2>/dev/null) == "$digest" ]]; then
        exit 0
    fi
    say "Building the front end."
    install_web_tools || exit 1
    rm -f -- "$web_build_dir/built-from"
    rm -rf -- "${web_dir:?}"/dist/*
    cd -- "$web_dir"
    run_web_script build >&2 {web_lock_fd}>&- || exit 1
    printf '%s\n' "$digest" >"$web_build_dir/built-from"
)

# Runs a script of web/package.json without npm, which may need another Node than the tools: NAME
run_web_script() (
    use_web_tools
    cd -- "$web_dir"
    sh -ec "$(node -p 'JSON.parse(fs.readFileSync("package.json")).scripts[process.argv[1]]' "$1")"
)

# For `up`: without npm, or if it fails, the API is built all the same, and its page says what is missing.
try_build_web() {
    if ! command -v npm >/dev/null; then
        say "npm is not installed: the pages /inbox and /dashboard are missing. To get them: apt-get install npm, then ./dev up."
    elif ! build_web; then
        say "The front end could not be built: the pages /inbox and /dashboard are missing or old."
    fi
}

# For `test` and `check`, which need all of it.
need_web() {
    need_packages nodejs npm
    # Also if the build is there already.
    { install_web_tools && install_web_packages "$web_dir/openapi"; } ||
        die "the tools of the front end could not be installed: npm needs a registry"
    build_web || die "the front end could not be built"
}

check_web() { run_web_script check; }

# Prints the browser of the tests: Debian's, or one that is installed already.
find_browser() {
    local name
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return
    done
    return 1
}

# Tests the front end in a browser against the programs in FOLDER. Screenshots are kept in web/build/screenshots.
test_web() (
    local url files
    url=$(sed -nE "s/^export API_URL='(.*)'$/\1/p" "$1/servers/env")
    # shellcheck source=/dev/null
    source <(export_test_environment "$1")
    use_web_tools
    cd -- "$web_dir"
    rm -rf -- "$web_build_dir"/{js,screenshots}
    tsc --project tsconfig.node.json
    mapfile -t files < <(find "$web_build_dir/js" -name '*.test.js' | sort)
    TIDINGS_TEST_API_URL=$url TIDINGS_TEST_JWT_SECRET=$(<"$root/tests/jwt-secret") \
        TIDINGS_TEST_SECRETS_KEY=$(<"$root/tests/secrets-key") \
        TIDINGS_TEST_BROWSER=$(find_browser) TIDINGS_TEST_SCREENSHOTS=$web_build_dir/screenshots \
        TIDINGS_TEST_EMBEDDING_ORIGIN=$embedding_origin \
        node --test --test-concurrency=3 --test-reporter=spec "${files[@]}"
)
