# shellcheck shell=bash
# The commands for people, apart from `up` and `test`.

all_names() { echo "api worker $(rabbitmq_nodes) postgres"; }

check_names() {
    local name names
    names=$(all_names)
    (($# > 0)) || die "which one? Name some of: $names"
    for name in "$@"; do
        [[ " $names " == *" $name "* ]] || die "no such thing: $name. There are: $names"
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
            *) programs+=("start_$name") ;;
        esac
    done
    if ((${#nodes[@]} > 0)); then
        want_nodes "${nodes[@]}"
        servers+=(start_rabbitmq)
    fi
    # Programs that have never been up get what `up` would give them.
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

# ACTION NAME…, for the actions that need something to be there.
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
        *) die "down knows only --purge" ;;
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
    # The programs first: they shall finish what they have begun.
    in_parallel stop_api stop_worker
    if [[ $purge == yes ]]; then
        # Nobody needs a good order in what is deleted next, and RabbitMQ takes 6 s for it.
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
    # Only what this script made, in case that somebody keeps a file of his own here.
    rm -rf -- "$(postgres_home)" "$rabbitmq_dir" "$run_dir" "$log_dir" \
        "$cluster_mark" "$dev_dir"/{test,test-kept,chaos,bench}.lock \
        "$dev_dir"/{sandbox,env,settings,bin-dir,ports,jwt-secret,postgres.path,chaos-failed}
    # The lock last: from here on another ./dev may begin anew.
    rm -f -- "$marker" "$dev_dir/lock"
    rmdir -- "$dev_dir" 2>/dev/null || say "$dev_dir stays: it holds files that ./dev has not made."
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

# For commands that use what runs and change nothing.
need_instance() {
    if [[ ! -e $marker ]] || ! load_ports; then
        die "nothing has been started yet: ./dev up does"
    fi
    current_settings
}

cmd_psql() {
    need_packages postgresql
    need_instance
    is_running postgres || die "PostgreSQL does not run: ./dev start postgres"
    # The name of another database can be given as an argument: the last -d wins.
    postgres_client psql -d "$postgres_login" "$@"
}

cmd_rabbitmqctl() {
    local node
    need_packages rabbitmq-server
    need_instance
    node=$(running_nodes)
    node=${node%% *}
    [[ -n $node ]] || die "RabbitMQ does not run: ./dev start rabbitmq"
    # Our names of the nodes beside the tool's own.
    if [[ ${1:-} == -n ]] && is_node "${2:-}"; then
        node=$2
        shift 2
    fi
    with_rabbitmq_env "$node" "$rabbitmq_bin/rabbitmqctl" "$@"
}

cmd_tidings() {
    need_instance
    find_programs
    run_tidings "$@"
}
