# shellcheck shell=bash
# One RabbitMQ node with its management interface: everything below one folder, on 127.0.0.1 only.
# It goes by the name of its process: rabbitmq, and in a cluster rabbitmq-2 and so on.

# An administrator. The server cannot be reached from outside.
readonly rabbitmq_login=tidings
readonly rabbitmq_dir=$dev_dir/rabbitmq

# What Erlang calls a node.
erlang_name() {
    # A node that is alone was called so before there were clusters, and its data are under that name.
    if is_cluster; then printf '%s@localhost' "$1"; else printf 'tidings@localhost'; fi
}

# The names of a node's ports: KIND NODE, where KIND is rabbitmq (AMQP), management or dist.
port_key() { printf '%s%s' "$1" "${2#rabbitmq}"; }

node_port() { printf '%s' "${port[$(port_key "$1" "$2")]}"; }

management_address() { printf '127.0.0.1:%s' "$(node_port management "$1")"; }

amqp_url() {
    printf 'amqp://%s:%s@127.0.0.1:%s/%%2f' "$rabbitmq_login" "$rabbitmq_login" "$(node_port rabbitmq "$1")"
}

management_url() { printf 'http://%s:%s@%s' "$rabbitmq_login" "$rabbitmq_login" "$(management_address "$1")"; }

# Runs a command with the environment that makes RabbitMQ's programs forget the system-wide installation:
# NODE COMMAND…
# Debian's wrappers in /usr/sbin would switch to the user `rabbitmq`: never call those.
with_rabbitmq_env() (
    node=$1
    shift
    # What the caller has set for another server (or for Erlang) must not reach this one.
    unset "${!RABBITMQ_@}" "${!ERL_@}"
    export HOME=$rabbitmq_dir/home LC_ALL=C.UTF-8
    export RABBITMQ_CONF_ENV_FILE=/dev/null
    RABBITMQ_NODENAME=$(erlang_name "$node")
    export RABBITMQ_NODENAME
    export RABBITMQ_MNESIA_BASE=$rabbitmq_dir/data
    export RABBITMQ_LOG_BASE=$log_dir RABBITMQ_LOGS=$log_dir/$node.log
    export RABBITMQ_PID_FILE=$rabbitmq_dir/$node.pid
    export RABBITMQ_CONFIG_FILE=$rabbitmq_dir/$node.conf
    export RABBITMQ_ADVANCED_CONFIG_FILE=$rabbitmq_dir/advanced.config
    export RABBITMQ_ENABLED_PLUGINS_FILE=$rabbitmq_dir/enabled_plugins
    export RABBITMQ_GENERATED_CONFIG_DIR=$rabbitmq_dir/generated/$node
    RABBITMQ_DIST_PORT=$(node_port dist "$node")
    export RABBITMQ_DIST_PORT
    # epmd is Erlang's name server: with one of its own, the instance meets no other node of this machine.
    export ERL_EPMD_PORT=${port[epmd]} ERL_EPMD_ADDRESS=127.0.0.1
    export ERL_CRASH_DUMP=$log_dir/$node.crash-dump
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

# What all nodes share: with one cookie they trust each other.
configure_rabbitmq() {
    mkdir -p -- "$rabbitmq_dir"/{home,data}
    chmod 700 -- "$rabbitmq_dir"
    if [[ ! -s $rabbitmq_dir/home/.erlang.cookie ]]; then
        random_text | write_private "$rabbitmq_dir/home/.erlang.cookie"
        chmod 400 -- "$rabbitmq_dir/home/.erlang.cookie"
    fi
    # A dead letter that could not be handed over is tried again after 5 s instead of 180, and more of
    # them are under way at once. Tidings works without it too, with longer waits.
    cat >"$rabbitmq_dir/advanced.config" <<'CONF'
[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 5000},
           {dead_letter_worker_consumer_prefetch, 1000}]}].
CONF
    printf '[rabbitmq_management].\n' >"$rabbitmq_dir/enabled_plugins"
}

configure_node() {
    mkdir -p -- "$rabbitmq_dir/generated/$1"
    {
        cat <<CONF
listeners.tcp.1 = 127.0.0.1:$(node_port rabbitmq "$1")
management.tcp.ip = 127.0.0.1
management.tcp.port = $(node_port management "$1")
default_user = $rabbitmq_login
default_pass = $rabbitmq_login
default_user_tags.administrator = true
log.file.level = info
CONF
        peers_configuration
    } >"$rabbitmq_dir/$1.conf"
}

# Erlang would start one by itself, as a process that nobody knows and nobody could stop with certainty.
start_epmd() {
    local until=$((SECONDS + 10))
    is_running epmd ||
        with_rabbitmq_env rabbitmq spawn epmd "$log_dir/epmd.out" epmd -port "${port[epmd]}" -address 127.0.0.1
    until is_listening "${port[epmd]}"; do
        if ! is_running epmd || ((SECONDS >= until)); then
            tail -n 15 -- "$log_dir/epmd.out" >&2 || true
            die "Erlang's name server epmd did not start"
        fi
        sleep 0.05
    done
}

launch_node() {
    is_running "$1" && return
    configure_node "$1"
    say "Starting $1 on port $(node_port rabbitmq "$1") (some seconds)."
    with_rabbitmq_env "$1" spawn "$1" "$log_dir/$1.out" "$rabbitmq_bin/rabbitmq-server"
}

# Its ports open last of all. Watching them is cheaper than the tool, and tells of an early end.
is_node_open() { is_listening "$(node_port rabbitmq "$1")" && is_listening "$(node_port management "$1")"; }

# Waits until a node can be used: NODE SECONDS; fails if it still starts by then.
wait_node() {
    local node=$1 until=$((SECONDS + $2)) launches=1
    until is_node_open "$node"; do
        if ! is_running "$node"; then
            # Nodes of a cluster that start at once can trip over each other: RabbitMQ 3.10 gives up where another does
            # not know yet what it can do (incompatible_feature_flags).
            if ! is_cluster || ((launches >= 3)); then
                node_failed "$node" "it ended while it was starting"
            fi
            launches=$((launches + 1))
            launch_node "$node"
        fi
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
    with_rabbitmq_env "$node" "$rabbitmq_bin/rabbitmqctl" -q await_startup --timeout 60 >>"$log_dir/$node.out" 2>&1 ||
        node_failed "$node" "it did not complete its start"
}

node_failed() {
    tail -n 15 -- "$log_dir/$1.out" >&2 || true
    show_log_end "$1"
    die "$1: $2; the whole story is in $log_dir/$1.log"
}

# Erlang stops in good order on SIGTERM.
stop_node() {
    stop_process "$1" TERM 60
    [[ -n $(running_nodes) ]] || kill_epmd
}

# It has nothing to save. It stays when a node is killed, as it would if the node crashed.
kill_epmd() { kill_process epmd; }
