# shellcheck shell=bash
# The RabbitMQ of an instance: one node, or a cluster of three.

# Marks an instance that is a cluster. It remains one until its data are deleted.
readonly cluster_mark=$dev_dir/cluster
# Exists once the nodes have formed the cluster: from then on each can be started alone.
readonly cluster_formed=$rabbitmq_dir/formed
# Whether the caller gave --cluster.
cluster_wanted=no

is_cluster() { [[ $cluster_wanted == yes || -e $cluster_mark ]]; }

rabbitmq_nodes() { if is_cluster; then echo rabbitmq rabbitmq-2 rabbitmq-3; else echo rabbitmq; fi; }

is_node() { [[ " $(rabbitmq_nodes) " == *" $1 "* ]]; }

# Prints the nodes that are running, in order.
running_nodes() {
    local node running=()
    for node in $(rabbitmq_nodes); do
        ! is_running "$node" || running+=("$node")
    done
    echo "${running[*]}"
}

# Prints the output of FUNCTION for each node, separated by commas: FUNCTION
of_each_node() {
    local node all=()
    for node in $(rabbitmq_nodes); do
        all+=("$("$1" "$node")")
    done
    (IFS=, && printf '%s' "${all[*]}")
}

# Makes a new instance a cluster if the caller gave --cluster. The folder must be locked.
settle_cluster() {
    if [[ $cluster_wanted == no || -e $cluster_mark ]]; then
        return
    fi
    # A single node cannot become a cluster: its queues would have one replica.
    [[ ! -e $rabbitmq_dir/data ]] ||
        die "$dev_dir contains the data of a single RabbitMQ node: delete them by ./dev down --purge, or name another folder in TIDINGS_DEV_DIR"
    choose_ports "${cluster_port_keys[@]}"
    : >"$cluster_mark"
}

# Prints the cluster part of a node's configuration. All nodes start together and elect the first one. With autoheal, a
# node that was frozen for so long (a minute) that the others dropped it restarts and joins them again.
peers_configuration() {
    local node n=0
    is_cluster || return 0
    echo 'cluster_partition_handling = autoheal'
    echo 'cluster_formation.peer_discovery_backend = classic_config'
    for node in $(rabbitmq_nodes); do
        n=$((n + 1))
        echo "cluster_formation.classic_config.nodes.$n = $(erlang_name "$node")"
    done
}

# Sets $nodes_to_start to the named nodes, or to all nodes if they have not formed the cluster yet.
nodes_to_start=()
want_nodes() {
    local node
    if is_cluster && [[ ! -e $cluster_formed ]]; then
        read -ra nodes_to_start <<<"$(rabbitmq_nodes)"
    else
        nodes_to_start=("$@")
    fi
    # Separate from the start, which runs in a subshell: a changed port must be known in this shell.
    for node in "${nodes_to_start[@]}"; do
        is_running "$node" ||
            ensure_ports_free RabbitMQ "$(port_key rabbitmq "$node")" "$(port_key management "$node")" "$(port_key dist "$node")"
    done
    is_running epmd || ensure_ports_free RabbitMQ epmd
}

# Starts $nodes_to_start and waits until they are ready.
start_rabbitmq() {
    local node seconds=180 certain=yes
    are_startable || seconds=30 certain=no
    configure_rabbitmq
    start_epmd
    for node in "${nodes_to_start[@]}"; do
        launch_node "$node"
    done
    for node in "${nodes_to_start[@]}"; do
        if wait_node "$node" "$seconds"; then
            continue
        fi
        [[ $certain == no ]] || node_failed "$node" "not ready within $seconds s"
        say "$node is not ready yet: it waits for a node that stopped after it. Start the other nodes too."
    done
    ! is_cluster || : >"$cluster_formed"
}

# Whether $nodes_to_start become ready without other nodes. A node that stopped before the others waits at its start
# for one of them, to fetch the changes that it missed.
are_startable() {
    local node starts_all=yes
    for node in $(rabbitmq_nodes); do
        if [[ " ${nodes_to_start[*]} " != *" $node "* ]]; then
            ! is_node_open "$node" || return 0
            starts_all=no
        fi
    done
    [[ $starts_all == yes ]]
}

# For in_parallel, whose arguments are names of functions.
stop_rabbitmq() { stop_node rabbitmq; }
stop_rabbitmq-2() { stop_node rabbitmq-2; }
stop_rabbitmq-3() { stop_node rabbitmq-3; }
kill_rabbitmq() { kill_process rabbitmq; }
kill_rabbitmq-2() { kill_process rabbitmq-2; }
kill_rabbitmq-3() { kill_process rabbitmq-3; }
