# shellcheck shell=bash
# The RabbitMQ of an instance: one node, or a cluster of three.

# An instance that began as a cluster is one until its data are deleted.
readonly cluster_mark=$dev_dir/cluster
# There once the nodes have found each other: from then on each can be started by itself.
readonly cluster_formed=$rabbitmq_dir/formed
# Whether --cluster was said.
cluster_wanted=no

is_cluster() { [[ $cluster_wanted == yes || -e $cluster_mark ]]; }

rabbitmq_nodes() { if is_cluster; then echo rabbitmq rabbitmq-2 rabbitmq-3; else echo rabbitmq; fi; }

is_node() { [[ " $(rabbitmq_nodes) " == *" $1 "* ]]; }

# The nodes whose processes there are, the first one first.
running_nodes() {
    local node running=()
    for node in $(rabbitmq_nodes); do
        ! is_running "$node" || running+=("$node")
    done
    echo "${running[*]}"
}

# What FUNCTION prints of each node, separated by commas.
of_each_node() {
    local node all=()
    for node in $(rabbitmq_nodes); do
        all+=("$("$1" "$node")")
    done
    (IFS=, && printf '%s' "${all[*]}")
}

# Makes a new instance a cluster where --cluster asks for it. The folder is locked.
settle_cluster() {
    if [[ $cluster_wanted == no || -e $cluster_mark ]]; then
        return
    fi
    # The data of a node that is alone are not a cluster's: its queues would stay where they are.
    [[ ! -e $rabbitmq_dir/data ]] ||
        die "$dev_dir has the data of a RabbitMQ that is no cluster: delete them by ./dev down --purge, or name another folder in TIDINGS_DEV_DIR"
    choose_ports "${cluster_port_keys[@]}"
    : >"$cluster_mark"
}

# For a node's configuration. All begin at once and agree on who is the first. A node that stood still for so
# long (a minute) that the others gave it up begins anew, instead of staying apart from them for good.
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

# Notes which nodes to start: those named, or all while they have not found each other yet.
nodes_to_start=()
want_nodes() {
    local node
    if is_cluster && [[ ! -e $cluster_formed ]]; then
        read -ra nodes_to_start <<<"$(rabbitmq_nodes)"
    else
        nodes_to_start=("$@")
    fi
    # Apart from the start, because a changed port must be known to all and starts happen in subshells.
    for node in "${nodes_to_start[@]}"; do
        is_running "$node" ||
            ensure_ports_free RabbitMQ "$(port_key rabbitmq "$node")" "$(port_key management "$node")" "$(port_key dist "$node")"
    done
    is_running epmd || ensure_ports_free RabbitMQ epmd
}

# Starts $nodes_to_start and waits until they can be used.
start_rabbitmq() {
    local node seconds=180 certain=yes
    has_company || seconds=30 certain=no
    configure_rabbitmq
    start_epmd
    for node in "${nodes_to_start[@]}"; do
        launch_node "$node"
    done
    for node in "${nodes_to_start[@]}"; do
        if wait_node "$node" "$seconds"; then
            continue
        fi
        [[ $certain == no ]] || node_failed "$node" "it did not start within $seconds s"
        say "$node is not up yet: it waits for a node that was still up when it went down. Start the others too."
    done
    ! is_cluster || : >"$cluster_formed"
}

# Whether $nodes_to_start can be expected to come up by themselves. A node of a cluster whose others were up when
# it went down waits for one that has what it has missed.
has_company() {
    local node all=yes
    for node in $(rabbitmq_nodes); do
        if [[ " ${nodes_to_start[*]} " != *" $node "* ]]; then
            ! is_node_open "$node" || return 0
            all=no
        fi
    done
    [[ $all == yes ]]
}

# For in_parallel, which takes names of functions.
stop_rabbitmq() { stop_node rabbitmq; }
stop_rabbitmq-2() { stop_node rabbitmq-2; }
stop_rabbitmq-3() { stop_node rabbitmq-3; }
kill_rabbitmq() { kill_process rabbitmq; }
kill_rabbitmq-2() { kill_process rabbitmq-2; }
kill_rabbitmq-3() { kill_process rabbitmq-3; }
