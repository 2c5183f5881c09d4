# shellcheck shell=bash
# `./dev chaos`: breaks an installation of its own in every way, and looks whether it kept its promises.

chaos_dir=$dev_dir/chaos
# What a run that failed leaves: its logs and its ledger.
chaos_remains=$dev_dir/chaos-failed

cmd_chaos() {
    local status=0 pid
    [[ " $* " != *" --help "* && " $* " != *" -h "* ]] || set -- --help
    [[ -n ${TIDINGS_BIN_DIR:-} ]] || need_cargo
    need_packages rabbitmq-server postgresql curl
    make_dev_dir
    mkdir -p -- "$run_dir"
    lock_instances chaos
    have_programs tidings-api tidings-worker tidings-chaos
    clear_chaos
    mkdir -p -- "$chaos_dir"
    trap 'trap "" INT TERM; end_chaos' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    run_chaos "$@" &
    pid=$!
    remember chaos "$pid"
    wait "$pid" || status=$?
    if ((status == 1)); then
        keep_chaos_remains
    fi
    exit "$status"
}

# In a session of its own, so that it gets a Ctrl-C from us, and its programs none; and all of them can be
# found, whatever becomes of it.
run_chaos() {
    exec {instances_lock_fd}>&-
    TIDINGS_CHAOS_DIR=$chaos_dir TIDINGS_DEV=$root/dev TIDINGS_BIN_DIR=$bin_dir \
        TIDINGS_DEV_PG_CONNECTIONS=${TIDINGS_DEV_PG_CONNECTIONS:-60} \
        exec setsid env -u TIDINGS_DEV_DIR --default-signal "$bin_dir/tidings-chaos" "$@" </dev/null
}

keep_chaos_remains() {
    rm -rf -- "$chaos_remains"
    mkdir -- "$chaos_remains"
    cp -r -- "$chaos_dir"/{ledger,log} "$chaos_dir/servers/log" "$chaos_remains" 2>/dev/null || true
    say "The ledger and all logs are in $chaos_remains."
}

end_chaos() {
    send_signal chaos TERM
    wait_gone chaos 30 || true
    clear_chaos
}

# Also ends what an earlier run has left, should it have been killed.
clear_chaos() {
    local pid
    if pid=$(pid_of chaos); then
        kill -s KILL -- "-$pid" 2>/dev/null || true
    fi
    clear_instances "$chaos_dir"
}
