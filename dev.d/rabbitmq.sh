# shellcheck shell=bash
# A private RabbitMQ node with its management interface: everything below one folder, on 127.0.0.1 only.

# An administrator. The server cannot be reached from outside.
readonly rabbitmq_login=tidings
readonly rabbitmq_dir=$dev_dir/rabbitmq

# Runs a command with the environment that makes RabbitMQ's programs forget the system-wide installation.
# Debian's wrappers in /usr/sbin would switch to the user `rabbitmq`: never call those.
with_rabbitmq_env() (
    # What the caller has set for another server (or for Erlang) must not reach this one.
    unset "${!RABBITMQ_@}" "${!ERL_@}"
    export HOME=$rabbitmq_dir/home LC_ALL=C.UTF-8
    export RABBITMQ_CONF_ENV_FILE=/dev/null
    export RABBITMQ_NODENAME=tidings@localhost
    export RABBITMQ_MNESIA_BASE=$rabbitmq_dir/data
    export RABBITMQ_LOG_BASE=$log_dir RABBITMQ_LOGS=$log_dir/rabbitmq.log
    export RABBITMQ_PID_FILE=$rabbitmq_dir/pid
    export RABBITMQ_CONFIG_FILE=$rabbitmq_dir/rabbitmq.conf
    export RABBITMQ_ADVANCED_CONFIG_FILE=$rabbitmq_dir/advanced.config
    export RABBITMQ_ENABLED_PLUGINS_FILE=$rabbitmq_dir/enabled_plugins
    export RABBITMQ_GENERATED_CONFIG_DIR=$rabbitmq_dir/generated
    export RABBITMQ_DIST_PORT=${port[dist]}
    # epmd is Erlang's name server: with one of its own, the node meets no other node of this machine.
    export ERL_EPMD_PORT=${port[epmd]} ERL_EPMD_ADDRESS=127.0.0.1
    export ERL_CRASH_DUMP=$log_dir/erl_crash.dump
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    export RABBITMQ_CTL_ERL_ARGS=$RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS
    # Any free port: of the eleven that the tool looks at by default, many instances may have taken all.
    export RABBITMQ_CTL_DIST_PORT_MIN=0 RABBITMQ_CTL_DIST_PORT_MAX=0
    # Threads that look for work a moment longer before they sleep: on a virtual machine, where waking one
    # is slow, this halves the time of a start, and an idle node costs no more than before.
    export RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD=very_short
    # Makes the start script hand over to Erlang's process instead of waiting for it as a parent, so
    # that the pid that we know is the server's.
    export RUNNING_UNDER_SYSTEMD=true
    unset NOTIFY_SOCKET
    "$@"
)

configure_rabbitmq() {
    mkdir -p -- "$rabbitmq_dir"/{home,data,generated}
    chmod 700 -- "$rabbitmq_dir"
    if [[ ! -s $rabbitmq_dir/home/.erlang.cookie ]]; then
        random_text | write_private "$rabbitmq_dir/home/.erlang.cookie"
        chmod 400 -- "$rabbitmq_dir/home/.erlang.cookie"
    fi
    cat >"$rabbitmq_dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:${port[rabbitmq]}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${port[management]}
default_user = $rabbitmq_login
default_pass = $rabbitmq_login
default_user_tags.administrator = true
log.file.level = info
CONF
    # A dead letter that could not be handed over is tried again after 5 s instead of 180, and more of
    # them are under way at once. Tidings works without it too, with longer waits.
    cat >"$rabbitmq_dir/advanced.config" <<'CONF'
[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 5000},
           {dead_letter_worker_consumer_prefetch, 1000}]}].
CONF
    printf '[rabbitmq_management].\n' >"$rabbitmq_dir/enabled_plugins"
}

# Apart from the start, because a changed port must be known to all and starts happen in subshells.
ensure_rabbitmq_ports() {
    is_running rabbitmq || ensure_ports_free RabbitMQ rabbitmq management dist
    is_running epmd || ensure_ports_free RabbitMQ epmd
}

start_rabbitmq() {
    if is_running rabbitmq; then
        wait_rabbitmq_ready
        return
    fi
    configure_rabbitmq
    say "Starting RabbitMQ on port ${port[rabbitmq]} (some seconds)."
    start_epmd
    with_rabbitmq_env spawn rabbitmq "$log_dir/rabbitmq.out" "$rabbitmq_bin/rabbitmq-server"
    wait_rabbitmq_ready
}

# Erlang would start one by itself, as a process that nobody knows and nobody could stop with certainty.
start_epmd() {
    local until=$((SECONDS + 10))
    is_running epmd ||
        with_rabbitmq_env spawn epmd "$log_dir/rabbitmq.out" epmd -port "${port[epmd]}" -address 127.0.0.1
    until is_listening "${port[epmd]}"; do
        if ! is_running epmd || ((SECONDS >= until)); then
            rabbitmq_failed "Erlang's name server epmd did not start"
        fi
        sleep 0.05
    done
}

wait_rabbitmq_ready() {
    local until=$((SECONDS + 120))
    # Its port opens last of all. Watching that is cheaper than the tool, and tells of an early end.
    until is_listening "${port[rabbitmq]}" && is_listening "${port[management]}"; do
        is_running rabbitmq || rabbitmq_failed "RabbitMQ ended while it was starting"
        ((SECONDS < until)) || rabbitmq_failed "RabbitMQ did not start within 120 s"
        sleep 0.1
    done
    with_rabbitmq_env "$rabbitmq_bin/rabbitmqctl" -q await_startup --timeout 60 >>"$log_dir/rabbitmq.out" 2>&1 ||
        rabbitmq_failed "RabbitMQ did not complete its start"
}

rabbitmq_failed() {
    tail -n 15 -- "$log_dir/rabbitmq.out" >&2 || true
    show_log_end rabbitmq
    die "$1; the whole story is in $log_dir/rabbitmq.log"
}

# Erlang stops in good order on SIGTERM.
stop_rabbitmq() {
    stop_process rabbitmq TERM 60
    kill_epmd
}

# The node alone: epmd stays, as it would if the node crashed.
kill_rabbitmq() { kill_process rabbitmq; }

# It has nothing to save.
kill_epmd() { kill_process epmd; }
