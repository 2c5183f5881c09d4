# shellcheck shell=bash
# `./dev test`: every check and every test on servers of its own, which never meet those of `up`;
# `./dev test NAME…`: some tests, on servers that stay up between runs.

cmd_test() {
    local broker broker_image management stop_kept web_only test_names nextest_args filters_selected build_args program_args needs_servers
    parse_test_args "$@"
    if [[ $stop_kept == yes ]]; then
        stop_kept_servers
        return
    fi
    need_test_tools
    make_dev_dir
    need_python_tools
    # A shell that has read .dev/env must not pass its settings to the tests.
    unset_settings
    unset TIDINGS_DEV_DIR TIDINGS_BIN_DIR
    # Before any build: a missing image is known at once.
    [[ -z $broker_image ]] || need_container_engine
    if [[ $web_only == yes ]]; then
        run_web_tests
    elif selects_tests; then
        run_selected_tests
    else
        run_all_tests
    fi
}

unset_settings() {
    local name
    for name in $(setting_names); do
        unset "$name"
    done
}

need_test_tools() {
    need_check_tools
    if ! cargo nextest --version >/dev/null 2>&1; then
        say "Installing cargo-nextest, which runs the tests (takes some minutes)."
        cargo install --locked cargo-nextest >&2 || die "cargo-nextest could not be installed: see https://nexte.st"
    fi
    # The SMTP server of the tests is aiosmtpd.
    local packages=(postgresql pgbouncer curl python3-aiosmtpd)
    # The tests of the front end run alone, or with all others.
    [[ $web_only == no ]] && selects_tests || packages+=(chromium nodejs npm)
    # All checks run with all tests.
    [[ $web_only == yes ]] || selects_tests || packages+=(prometheus)
    need_packages "${packages[@]}"
    [[ -n $broker$broker_image ]] || need_packages rabbitmq-server
}

# Deletes FOLDER, stops all servers in it and removes the broker's container when this script ends, however it ends.
clear_at_exit() {
    local folder=$1
    # shellcheck disable=SC2064 # the folder of now
    trap "trap '' INT TERM; remove_broker_container; clear_instances '${folder//\'/\'\\\'\'}'" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

run_all_tests() {
    local began=$SECONDS
    lock_instances test
    clear_instances "$test_dir"
    mkdir -p -- "$test_dir/private"
    clear_at_exit "$test_dir"

    step "Build of the front end" need_web
    run_checks
    # With the tests, so that programs and tests share one build of every dependency.
    step "Build" cargo build --workspace --all-targets --locked
    [[ -z $broker_image ]] || start_broker_container "$broker_image"
    step "Servers" start_test_servers "$test_dir"
    step "Programs" start_test_programs "$test_dir"
    # shellcheck source=/dev/null
    source <(export_test_environment "$test_dir")
    if [[ -n $broker ]]; then
        step "Left out, because they stop or kill a broker of their own" \
            cargo nextest list --workspace --locked -E "$own_broker_tests"
    fi
    # On a broker of the caller's, there is no shared API.
    [[ -n $broker ]] || step "Tests of the front end" test_web "$test_dir"
    step "Tests" cargo nextest run --workspace --locked --no-fail-fast "${nextest_args[@]}"
    step "Examples in the documentation" cargo test --doc --workspace --locked
    say ""
    say "Everything passed in $((SECONDS - began)) s."
}

run_web_tests() {
    lock_instances test-kept
    mkdir -p -- "$kept_test_dir/private"
    step "Build of the front end" need_web
    ensure_kept_servers
    step "Build" cargo build --workspace --bins --locked
    step "Programs" start_test_programs "$kept_test_dir"
    step "Tests of the front end" test_web "$kept_test_dir"
    say "The servers stay up for the next run: ./dev test --down stops them."
}

run_selected_tests() {
    lock_instances test-kept
    clear_instances "$kept_test_dir/private"
    mkdir -p -- "$kept_test_dir/private"
    clear_at_exit "$kept_test_dir/private"
    choose_targets
    if [[ $needs_servers == yes ]]; then
        [[ -z $broker_image ]] || start_broker_container "$broker_image"
        ensure_kept_servers
        # The end-to-end tests start the programs. With the tests, so that both share one build of every dependency.
        step "Build" cargo build "${program_args[@]}" --locked
        step "Programs" start_test_programs "$kept_test_dir"
        # shellcheck source=/dev/null
        source <(export_test_environment "$kept_test_dir")
    fi
    step "Tests" cargo nextest run "${build_args[@]}" --locked "${nextest_args[@]}" "${test_names[@]}"
    [[ $needs_servers == no ]] || say "The servers stay up for the next run: ./dev test --down stops them."
}

stop_kept_servers() {
    [[ -e $marker ]] || return 0
    lock_instances test-kept
    clear_instances "$kept_test_dir"
}
