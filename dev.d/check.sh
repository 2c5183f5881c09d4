# shellcheck shell=bash
# `./dev check`: everything that can be checked without running the code.

# Runs one step in the repository and prints how long the step took: TITLE COMMAND…
step() {
    local title=$1 began=${EPOCHREALTIME/[.,]/} status=0 took
    shift
    say ""
    say "== $title"
    (
        # Without the lock of the test run: a test that outlives this script must not block the next run.
        [[ -z ${instances_lock_fd:-} ]] || exec {instances_lock_fd}>&-
        cd -- "$root" && "$@"
    ) || status=$?
    took=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
    if ((status != 0)); then
        say "== $title: FAILED after $((took / 10)).$((took % 10)) s"
        exit "$status"
    fi
    say "== $title: $((took / 10)).$((took % 10)) s"
}

need_check_tools() {
    need_cargo
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        command -v rustup >/dev/null || die "cargo fmt and cargo clippy are missing: install rustfmt and clippy"
        rustup component add rustfmt clippy >&2 || die "rustfmt and clippy could not be installed"
    fi
}

# cargo-deny takes minutes to compile, so this script uses it only if it is installed. The check for security
# advisories needs the network and a database that changes daily: run `cargo deny check advisories` for it.
check_dependencies() {
    if ! cargo deny --version >/dev/null 2>&1; then
        say "Skipped: cargo-deny is not installed. To get it: cargo install --locked cargo-deny"
        return
    fi
    cargo deny --locked check licenses bans sources
}

# Makes the queries of Grafana's dashboard to rules, which promtool can check.
readonly dashboard_rules='
import json, sys
rules = []
for panel in json.load(sys.stdin)["panels"]:
    for target in panel.get("targets", []):
        query = target["expr"].replace("$__rate_interval", "5m").replace("$channel", ".*")
        rules.append({"record": "query:%d" % len(rules), "expr": query})
json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
'

# Whether the alerts are valid, and fire when they must and only then, and whether the queries of the dashboard are valid.
check_alerts() (
    cd -- "$root/deploy" &&
        promtool check config prometheus/prometheus.yaml &&
        promtool check rules --lint-fatal prometheus/tidings.rules.yaml &&
        promtool test rules prometheus/tidings.test.yaml &&
        /usr/bin/python3 -c "$dashboard_rules" <grafana/tidings.json | promtool check rules /dev/stdin
)

run_checks() {
    step "Formatting" cargo fmt --all --check
    step "Lints" cargo clippy --workspace --all-targets --locked -- -D warnings
    step "Documentation" env RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" \
        cargo doc --workspace --no-deps --locked
    step "Dependencies" check_dependencies
    step "Alerts" check_alerts
    step "Front end" check_web
}

cmd_check() {
    local began=$SECONDS
    (($# == 0)) || die "check takes no arguments"
    need_check_tools
    need_packages prometheus python3
    need_web
    run_checks
    say ""
    say "All checks passed in $((SECONDS - began)) s."
}
