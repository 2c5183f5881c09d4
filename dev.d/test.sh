# shellcheck shell=bash
# `./dev test`: every check and every test, on servers of its own that never meet those of `up`.

test_dir=$dev_dir/test
# Which tests stop or kill a broker, for which they make one of their own.
readonly own_broker_tests='test(private_broker) | test(chaos::)'

# Runs one step and says how long it took: TITLE COMMAND…
step() {
    local title=$1 began=${EPOCHREALTIME/[.,]/} status=0 took
    shift
    say ""
    say "== $title"
    # Without the lock: a test that outlives this script must not keep the next one from clearing up.
    (exec {instances_lock_fd}>&- && cd -- "$root" && "$@") || status=$?
    took=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
    if ((status != 0)); then
        say "== $title: FAILED after $((took / 10)).$((took % 10)) s"
        exit "$status"
    fi
    say "== $title: $((took / 10)).$((took % 10)) s"
}

# Sets $broker, $management and $nextest_args.
parse_test_args() {
    broker='' management='' nextest_args=()
    local filters=()
    while (($# > 0)); do
        case $1 in
            --rabbitmq | --management | -E | --filterset | --filter-expr)
                (($# > 1)) || die "$1 needs a value"
                ;;&
            --rabbitmq) broker=$2 && shift ;;
            --management) management=$2 && shift ;;
            --rabbitmq=*) broker=${1#*=} ;;
            --management=*) management=${1#*=} ;;
            -E | --filterset | --filter-expr) filters+=("($2)") && shift ;;
            --filterset=* | --filter-expr=*) filters+=("(${1#*=})") ;;
            *) nextest_args+=("$1") ;;
        esac
        shift
    done
    [[ -n $broker && -n $management || -z $broker$management ]] ||
        die "--rabbitmq and --management go together"
    # Several filters mean "any of these"; the condition on the broker must hold for all of them.
    local filter='' one
    for one in "${filters[@]}"; do
        filter=${filter:+$filter | }$one
    done
    if [[ -n $broker ]]; then
        filter="${filter:+($filter) & }not ($own_broker_tests)"
    fi
    if [[ -n $filter ]]; then
        nextest_args=(-E "$filter" "${nextest_args[@]}")
    fi
}

need_test_tools() {
    need_cargo
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        command -v rustup >/dev/null || die "cargo fmt and cargo clippy are missing: install rustfmt and clippy"
        rustup component add rustfmt clippy >&2 || die "rustfmt and clippy could not be installed"
    fi
    if ! cargo nextest --version >/dev/null 2>&1; then
        say "Installing cargo-nextest, which runs the tests (takes some minutes)."
        cargo install --locked cargo-nextest >&2 || die "cargo-nextest could not be installed: see https://nexte.st"
    fi
    # The SMTP server of the tests is aiosmtpd.
    need_packages postgresql curl python3-aiosmtpd
    [[ -n $broker ]] || need_packages rabbitmq-server
}

# The servers that tests share, each in a database and a virtual host of its own.
start_test_servers() {
    local names=(postgres)
    [[ -n $broker ]] || names+=(rabbitmq)
    # Many tests at once, each with several pools of connections.
    TIDINGS_DEV_DIR=$test_dir/servers TIDINGS_DEV_PG_CONNECTIONS=400 "$root/dev" start "${names[@]}"
}

export_test_environment() (
    # shellcheck source=/dev/null
    source "$test_dir/servers/env"
    export_line TIDINGS_TEST_DATABASE_URL "${DATABASE_URL%/*}/postgres"
    export_line TIDINGS_TEST_RABBITMQ_URL "${broker:-$RABBITMQ_URL}"
    export_line TIDINGS_TEST_MANAGEMENT_URL "${management:-$RABBITMQ_MANAGEMENT_URL}"
    export_line TIDINGS_TEST_BIN_DIR "$(target_dir)/debug"
    # Where tests make instances of their own: whatever they leave there is cleared away.
    export_line TIDINGS_TEST_PRIVATE_DIR "$test_dir/private"
    export_line TIDINGS_DEV "$root/dev"
    [[ -z $broker ]] || export_line TIDINGS_TEST_EXTERNAL_BROKER 1
)

cmd_test() {
    local name began=$SECONDS broker management nextest_args
    parse_test_args "$@"
    need_test_tools
    make_dev_dir
    lock_instances test
    clear_instances "$test_dir"
    mkdir -p -- "$test_dir/private"
    trap 'trap "" INT TERM; clear_instances "$test_dir"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # A shell that has read .dev/env must not lend the tests its settings.
    for name in $(setting_names); do
        unset "$name"
    done
    unset TIDINGS_DEV_DIR TIDINGS_BIN_DIR

    step "Formatting" cargo fmt --all --check
    step "Lints" cargo clippy --workspace --all-targets --locked -- -D warnings
    step "Documentation" env RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --workspace --no-deps --locked
    # With the tests, so that programs and tests share one build of every dependency.
    step "Build" cargo build --workspace --all-targets --locked
    step "Servers" start_test_servers
    # shellcheck source=/dev/null
    source <(export_test_environment)
    if [[ -n $broker ]]; then
        step "Left out, because they stop or kill a broker of their own" \
            cargo nextest list --workspace --locked -E "$own_broker_tests"
    fi
    step "Tests" cargo nextest run --workspace --locked "${nextest_args[@]}"
    step "Examples in the documentation" cargo test --doc --workspace --locked
    say ""
    say "Everything passed in $((SECONDS - began)) s."
}
