# shellcheck shell=bash
# `./dev chaos`: injects faults into an installation of its own and checks that it kept its promises.

chaos_dir=$dev_dir/chaos
# Logs and ledger of the last run that failed.
chaos_failed_dir=$dev_dir/chaos-failed

cmd_chaos() {
    local status=0 pid
    [[ " $* " != *" --help "* && " $* " != *" -h "* ]] || set -- --help
    [[ -n ${TIDINGS_BIN_DIR:-} ]] || need_cargo
    need_packages rabbitmq-server postgresql libfaketime curl
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
    record_pid chaos "$pid"
    wait "$pid" || status=$?
    if ((status == 1)); then
        keep_chaos_logs
    fi
    exit "$status"
}

# PostgreSQL has connections for all pools at once: 12 for each of the three APIs, 8 for each worker and scheduler and for the
# program itself. With fewer, pools that are busy at the same time keep others away although no fault is active.
#
# Runs in a session of its own: only this script sends it the Ctrl-C, its programs get none, and this script can
# kill all of them even if the run itself has died.
run_chaos() {
    exec {instances_lock_fd}>&-
    TIDINGS_CHAOS_DIR=$chaos_dir TIDINGS_DEV=$root/dev TIDINGS_BIN_DIR=$bin_dir \
        TIDINGS_DEV_PG_CONNECTIONS=${TIDINGS_DEV_PG_CONNECTIONS:-84} TIDINGS_DEV_PG_CLOCK=yes \
        exec setsid env -u TIDINGS_DEV_DIR --default-signal "$bin_dir/tidings-chaos" "$@" </dev/null
}

keep_chaos_logs() {
    rm -rf -- "$chaos_failed_dir"
    mkdir -- "$chaos_failed_dir"
    cp -r -- "$chaos_dir"/{ledger,log} "$chaos_dir/servers/log" "$chaos_failed_dir" 2>/dev/null || true
    say "The ledger and all logs are in $chaos_failed_dir."
}

end_chaos() {
    send_signal chaos TERM
    wait_gone chaos 30 || true
    clear_chaos
}

# Also kills the processes of an earlier run that was killed.
clear_chaos() {
    local pid
    if pid=$(pid_of chaos); then
        kill -s KILL -- "-$pid" 2>/dev/null || true
    fi
    clear_instances "$chaos_dir"
}
