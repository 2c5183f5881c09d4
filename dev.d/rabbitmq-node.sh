# shellcheck shell=bash
# One RabbitMQ node with its management interface, on 127.0.0.1, with all files below one folder.
# A node has the name of its process: rabbitmq and, in a cluster, rabbitmq-2 and rabbitmq-3.

# Name of the administrator. The server listens on 127.0.0.1 only.
readonly rabbitmq_login=tidings
readonly rabbitmq_dir=$dev_dir/rabbitmq

rabbitmq_password() { server_password rabbitmq "$rabbitmq_dir/data"; }

# Prints the Erlang name of a node.
erlang_name() {
    # A single node keeps the name that it had before clusters were supported: its data are stored under that name.
    if is_cluster; then printf '%s@localhost' "$1"; else printf 'tidings@localhost'; fi
}

# Prints the key of a port of a node: KIND NODE. KIND is rabbitmq (AMQP), management or dist.
port_key() { printf '%s%s' "$1" "${2#rabbitmq}"; }

node_port() { printf '%s' "${port[$(port_key "$1" "$2")]}"; }

management_address() { printf '127.0.0.1:%s' "$(node_port management "$1")"; }

amqp_url() {
    printf 'amqp://%s:%s@127.0.0.1:%s/%%2f' "$rabbitmq_login" "$(rabbitmq_password)" "$(node_port rabbitmq "$1")"
}

management_url() { printf 'http://%s:%s@%s' "$rabbitmq_login" "$(rabbitmq_password)" "$(management_address "$1")"; }

# Runs a command with an environment in which RabbitMQ's programs use this node instead of the system's:
# NODE COMMAND…
# Never call Debian's wrappers in /usr/sbin: they switch to the user `rabbitmq`.
with_rabbitmq_env() (
    node=$1
    shift
    # The caller's variables may configure another server or Erlang itself.
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
    # epmd is Erlang's name server. With an epmd of its own, the instance finds no other node on this machine.
    export ERL_EPMD_PORT=${port[epmd]} ERL_EPMD_ADDRESS=127.0.0.1
    export ERL_CRASH_DUMP=$log_dir/$node.crash-dump
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    export RABBITMQ_CTL_ERL_ARGS=$RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS
    # Any free port: many instances may use all eleven ports that the tool tries by default.
    export RABBITMQ_CTL_DIST_PORT_MIN=0 RABBITMQ_CTL_DIST_PORT_MAX=0
    # Scheduler threads look for work a moment longer before they sleep. On a virtual machine, where waking a thread is
    # slow, this halves the start time; an idle node uses no more CPU.
    export RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD=very_short
    # Makes the start script execute the Erlang process instead of waiting for it, so that the recorded pid is the
    # server's.
    export RUNNING_UNDER_SYSTEMD=true
    unset NOTIFY_SOCKET
    "$@"
)

# Writes the files that all nodes share. The common cookie authenticates the nodes to each other.
configure_rabbitmq() {
    mkdir -p -- "$rabbitmq_dir"/{home,data}
    chmod 700 -- "$rabbitmq_dir"
    if [[ ! -s $rabbitmq_dir/home/.erlang.cookie ]]; then
        random_text | write_private "$rabbitmq_dir/home/.erlang.cookie"
        chmod 400 -- "$rabbitmq_dir/home/.erlang.cookie"
    fi
    # RabbitMQ retries an unconfirmed dead letter after 5 s instead of 180 s, and publishes up to 1000 of them at a time
    # instead of 32. Tidings works without this file too, with longer waits.
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
default_pass = $(rabbitmq_password)
default_user_tags.administrator = true
log.file.level = info
CONF
        peers_configuration
    } >"$rabbitmq_dir/$1.conf"
}

# Without this, Erlang starts an epmd itself, whose pid this script would not know.
start_epmd() {
    local until=$((SECONDS + 10))
    is_running epmd ||
        with_rabbitmq_env rabbitmq spawn epmd "$log_dir/epmd.out" epmd -port "${port[epmd]}" -address 127.0.0.1
    until owns_port epmd "${port[epmd]}"; do
        if ! is_running epmd || ((SECONDS >= until)); then
            die_if_port_lost "epmd, the name server of Erlang," epmd
            tail -n 15 -- "$log_dir/epmd.out" >&2 || true
            die "epmd, the name server of Erlang, did not start"
        fi
        sleep 0.05
    done
}

launch_node() {
    is_running "$1" && return
    configure_node "$1"
    say "Starting $1 on port $(node_port rabbitmq "$1") (takes some seconds)."
    with_rabbitmq_env "$1" spawn "$1" "$log_dir/$1.out" "$rabbitmq_bin/rabbitmq-server"
}

# A node opens its ports at the end of its start. Reading the kernel's table is cheaper than rabbitmqctl.
is_node_open() { owns_port "$1" "$(node_port rabbitmq "$1")" && owns_port "$1" "$(node_port management "$1")"; }

# Waits until a node is ready. Fails if its ports are still closed after SECONDS: NODE SECONDS
wait_node() {
    local node=$1 until=$((SECONDS + $2)) launches=1
    until is_node_open "$node"; do
        if ! is_running "$node"; then
            # When the nodes of a cluster start together, RabbitMQ 3.10 can fail with incompatible_feature_flags, if
            # another node has not registered its feature flags yet. A second start succeeds.
            if ! is_cluster || ((launches >= 3)); then
                die_if_port_lost "$node" "$(port_key rabbitmq "$node")" "$(port_key management "$node")" "$(port_key dist "$node")"
                node_failed "$node" "the process ended during its start"
            fi
            launches=$((launches + 1))
            launch_node "$node"
        fi
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
    # With its ports open, it waits for no other node any more.
    until=$((SECONDS + 60))
    until [[ $(call_node "$node" rabbit is_running '[]' 2>>"$log_dir/$node.out") == true ]]; do
        is_running "$node" || node_failed "$node" "the process ended during its start"
        ((SECONDS < until)) || node_failed "$node" "the start did not complete"
        sleep 0.1
    done
}

# Calls a function of a node and prints its result as an Erlang term: NODE MODULE FUNCTION ARGUMENTS
# Erlang's erl_call answers in milliseconds, but needs a name server or a hosts file that knows this machine. rabbitmqctl
# starts an Erlang of its own for each command, which takes seconds of a processor.
call_node() {
    with_rabbitmq_env "$1" erl_call -sname "$(erlang_name "$1")" -timeout 30 -a "$2 $3 $4" 2>/dev/null ||
        with_rabbitmq_env "$1" "$rabbitmq_bin/rabbitmqctl" -q --timeout 30 eval "apply($2, $3, $4)."
}

node_failed() {
    tail -n 15 -- "$log_dir/$1.out" >&2 || true
    print_log_end "$1"
    die "$1: $2. The full log is $log_dir/$1.log"
}

# Erlang shuts down cleanly on SIGTERM.
stop_node() {
    stop_process "$1" TERM 60
    [[ -n $(running_nodes) ]] || kill_epmd
}

# epmd has nothing to save. It keeps running when a node is killed, as after a crash of the node.
kill_epmd() { kill_process epmd; }
