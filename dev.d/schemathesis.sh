# shellcheck shell=bash
# Schemathesis generates requests from the OpenAPI document for a test. It is a Python program: it gets an environment
# of its own below .dev.

readonly schemathesis_version=4.32.5
schemathesis_dir=$dev_dir/schemathesis

need_schemathesis() {
    local installed=$schemathesis_dir/installed-version
    [[ ! -r $installed || $(<"$installed") != "$schemathesis_version" ]] || return 0
    need_packages python3-venv
    say "Installing Schemathesis, which tests the API against its OpenAPI document (takes half a minute)."
    /usr/bin/python3 -m venv --clear "$schemathesis_dir" || die "python3 -m venv failed"
    "$schemathesis_dir/bin/python" -m pip install --quiet --disable-pip-version-check \
        "schemathesis==$schemathesis_version" >&2 ||
        die "Schemathesis could not be installed: pip needs a package index"
    printf '%s\n' "$schemathesis_version" >"$installed"
}
