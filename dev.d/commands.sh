# shellcheck shell=bash
# The commands for people, except `up`, `check`, `test`, `chaos` and `bench`.

all_names() {
    local more=
    ! has_prometheus || more=' prometheus'
    echo "api worker $(rabbitmq_nodes) postgres$more"
}

check_names() {
    local name names
    names=$(all_names)
    # It can be started before the instance has one.
    has_prometheus || names+=' prometheus'
    (($# > 0)) || die "name at least one of: $names"
    for name in "$@"; do
        [[ " $names " == *" $name "* ]] || die "unknown name: $name. Known names: $names"
    done
}

start_api() { start_program api; }
start_worker() { start_program worker; }
stop_api() { stop_program api; }
stop_worker() { stop_program worker; }
kill_api() { kill_process api; }
kill_worker() { kill_process worker; }

cmd_start() {
    local name nodes=() servers=() programs=()
    if [[ ${1:-} == --cluster ]]; then
        cluster_wanted=yes
        shift
    fi
    check_names "$@"
    for name in "$@"; do
        case $name in
            rabbitmq*) need_packages rabbitmq-server ;;
            postgres) need_packages postgresql ;;
            prometheus) need_packages prometheus curl ;;
            *) need_packages curl ;;
        esac
    done
    open_dev_dir
    settle_cluster
    for name in "$@"; do
        case $name in
            rabbitmq*) nodes+=("$name") ;;
            postgres)
                ensure_postgres_ports
                servers+=(start_postgres)
                ;;
            prometheus)
                want_prometheus
                servers+=(start_prometheus)
                ;;
            *) programs+=("start_$name") ;;
        esac
    done
    if ((${#nodes[@]} > 0)); then
        want_nodes "${nodes[@]}"
        servers+=(start_rabbitmq)
    fi
    # Programs that `up` never started get the settings that `up` would use.
    if ((${#programs[@]} > 0)) && [[ ! -e $dev_dir/settings ]]; then
        read_settings
        save_settings
    else
        current_settings
    fi
    in_parallel "${servers[@]}"
    in_parallel "${programs[@]}"
    write_env_file
}

# Runs an action on each name, if the instance exists: ACTION NAME…
each_name() {
    local action=$1
    shift
    check_names "$@"
    [[ -e $marker ]] || return 0
    open_dev_dir
    in_parallel "${@/#/${action}_}"
}

cmd_stop() { each_name stop "$@"; }
cmd_kill() { each_name kill "$@"; }

cmd_down() {
    local purge=no nodes
    case $* in
        '') ;;
        --purge) purge=yes ;;
        *) die "the only option of down is --purge" ;;
    esac
    [[ -e $marker ]] || return 0
    open_dev_dir
    read -ra nodes <<<"$(rabbitmq_nodes)"
    if [[ $purge == yes ]]; then
        lock_instances test
        lock_instances test-kept
        lock_instances chaos
        lock_instances bench
    fi
    # The programs first: they need the servers to finish what they have begun.
    in_parallel stop_api stop_worker stop_prometheus
    if [[ $purge == yes ]]; then
        # The data are deleted next, so nothing has to be saved: a clean stop of RabbitMQ takes 6 s.
        in_parallel "${nodes[@]/#/kill_}" kill_postgres kill_epmd
        purge_dev_dir
    else
        in_parallel "${nodes[@]/#/stop_}" stop_postgres
    fi
}

purge_dev_dir() {
    say "Deleting the data in $dev_dir."
    clear_instances "$test_dir"
    clear_instances "$kept_test_dir"
    clear_chaos
    clear_instances "$bench_dir"
    release_ports
    # Only the files that this script made: a user may keep files of their own here.
    rm -rf -- "$(postgres_home)" "$rabbitmq_dir" "$prometheus_dir" "$run_dir" "$log_dir" \
        "$cluster_mark" "$dev_dir"/{test,test-kept,chaos,bench}.lock \
        "$dev_dir"/{sandbox,env,settings,bin-dir,ports,jwt-secret,secrets-key,accounts-secret,postgres.path,chaos-failed} \
        "$dev_dir"/{postgres,rabbitmq}.password "$schemathesis_dir" "$pika_dir" "$grpc_python_dir"
    # The lock last: once it is gone, another ./dev may create the folder again.
    rm -f -- "$marker" "$dev_dir/lock"
    rmdir -- "$dev_dir" 2>/dev/null || say "$dev_dir remains: it contains files that ./dev did not make."
}

cmd_status() {
    local name pid state address
    if [[ -e $marker ]] && load_ports; then
        current_settings
    fi
    printf '%-10s %-8s %-8s %s\n' NAME STATE PID ADDRESS
    for name in $(all_names); do
        state=stopped address=
        if pid=$(pid_of "$name"); then
            state=running
            case $name in
                rabbitmq*) address="127.0.0.1:$(node_port rabbitmq "$name"), management http://$(management_address "$name")" ;;
                postgres) address=127.0.0.1:${port[postgres]} ;;
                prometheus) address=$(prometheus_url) ;;
                *) address=$(program_url "$name") ;;
            esac
        fi
        printf '%-10s %-8s %-8s %s\n' "$name" "$state" "${pid:--}" "${address:--}"
    done
}

cmd_logs() {
    local name names=() files=() follow=no
    [[ ! -t 1 ]] || follow=yes
    for name in "$@"; do
        case $name in
            --no-follow) follow=no ;;
            *)
                check_names "$name"
                names+=("$name")
                ;;
        esac
    done
    ((${#names[@]} > 0)) || read -ra names <<<"$(all_names)"
    for name in "${names[@]}"; do
        [[ ! -e $log_dir/$name.log ]] || files+=("$log_dir/$name.log")
    done
    ((${#files[@]} > 0)) || die "there are no logs yet"
    if [[ $follow == yes ]]; then
        exec tail -n 100 -F -- "${files[@]}"
    fi
    exec tail -n +1 -- "${files[@]}"
}

# For commands that use a started instance and change nothing.
need_instance() {
    if [[ ! -e $marker ]] || ! load_ports; then
        die "nothing has been started yet: run ./dev up"
    fi
    current_settings
}

cmd_psql() {
    need_packages postgresql
    need_instance
    is_running postgres || die "PostgreSQL is not running: run ./dev start postgres"
    # The caller can name another database in ARGS: psql uses the last -d.
    postgres_client psql -d "$postgres_login" "$@"
}

cmd_rabbitmqctl() {
    local node
    need_running_node
    # Accepts the names of this script (rabbitmq-2) beside those of Erlang (rabbitmq-2@localhost).
    if [[ ${1:-} == -n ]] && is_node "${2:-}"; then
        node=$2
        shift 2
    fi
    with_rabbitmq_env "$node" "$rabbitmq_bin/rabbitmqctl" "$@"
}

cmd_rabbitmq_call() {
    local node result
    need_running_node
    if [[ ${1:-} == -n ]]; then
        node=${2:-}
        is_node "$node" || die "rabbitmq-call: $node is no node of this instance"
        shift 2
    fi
    (($# == 3)) || die "rabbitmq-call takes MODULE FUNCTION ARGUMENTS, for example: ./dev rabbitmq-call rabbit is_running '[]'"
    result=$(call_node "$node" "$@") && [[ $result != {badrpc,* ]] || die "$node: $1:$2 failed: ${result:-no answer}"
    printf '%s\n' "$result"
}

# Sets `node` of the caller to one that runs.
need_running_node() {
    need_packages rabbitmq-server
    need_instance
    node=$(running_nodes)
    node=${node%% *}
    [[ -n $node ]] || die "RabbitMQ is not running: run ./dev start rabbitmq"
}

cmd_tidings() {
    need_instance
    find_programs
    run_tidings "$@"
}
