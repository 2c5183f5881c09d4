# shellcheck shell=bash
# The commands for people, apart from `up` and `test`.

readonly all_names=(api worker rabbitmq postgres)

check_names() {
    local name
    (($# > 0)) || die "which one? Name some of: ${all_names[*]}"
    for name in "$@"; do
        [[ " ${all_names[*]} " == *" $name "* ]] || die "no such thing: $name. There are: ${all_names[*]}"
    done
}

start_api() { start_program api; }
start_worker() { start_program worker; }
stop_api() { stop_program api; }
stop_worker() { stop_program worker; }
kill_api() { kill_process api; }
kill_worker() { kill_process worker; }

cmd_start() {
    local name servers=() programs=()
    check_names "$@"
    for name in "$@"; do
        case $name in
            rabbitmq) need_packages rabbitmq-server ;;
            postgres) need_packages postgresql ;;
            *) need_packages curl ;;
        esac
    done
    open_dev_dir
    for name in "$@"; do
        case $name in
            rabbitmq | postgres)
                "ensure_${name}_ports"
                servers+=("start_$name")
                ;;
            *) programs+=("start_$name") ;;
        esac
    done
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
    local purge=no
    case $* in
        '') ;;
        --purge) purge=yes ;;
        *) die "down knows only --purge" ;;
    esac
    [[ -e $marker ]] || return 0
    open_dev_dir
    if [[ $purge == yes ]]; then
        lock_instances test
        lock_instances chaos
    fi
    # The programs first: they shall finish what they have begun.
    in_parallel stop_api stop_worker
    if [[ $purge == yes ]]; then
        # Nobody needs a good order in what is deleted next, and RabbitMQ takes 6 s for it.
        in_parallel kill_rabbitmq kill_postgres kill_epmd
        purge_dev_dir
    else
        in_parallel stop_rabbitmq stop_postgres
    fi
}

purge_dev_dir() {
    say "Deleting the data in $dev_dir."
    clear_instances "$test_dir"
    clear_chaos
    release_ports
    # Only what this script made, in case that somebody keeps a file of his own here.
    rm -rf -- "$(postgres_home)" "$rabbitmq_dir" "$run_dir" "$log_dir" \
        "$dev_dir"/{sandbox,env,settings,bin-dir,ports,jwt-secret,postgres.path,{test,chaos}.lock,chaos-failed}
    # The lock last: from here on another ./dev may begin anew.
    rm -f -- "$marker" "$dev_dir/lock"
    rmdir -- "$dev_dir" 2>/dev/null || say "$dev_dir stays: it holds files that ./dev has not made."
}

cmd_status() {
    local name pid state address
    if [[ -e $marker ]] && load_ports; then
        current_settings
    fi
    printf '%-9s %-8s %-8s %s\n' NAME STATE PID ADDRESS
    for name in "${all_names[@]}"; do
        state=stopped address=
        if pid=$(pid_of "$name"); then
            state=running
            case $name in
                rabbitmq) address="127.0.0.1:${port[rabbitmq]}, management http://$(management_address)" ;;
                postgres) address=127.0.0.1:${port[postgres]} ;;
                *) address=$(program_url "$name") ;;
            esac
        fi
        printf '%-9s %-8s %-8s %s\n' "$name" "$state" "${pid:--}" "${address:--}"
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
    for name in "${names[@]:-${all_names[@]}}"; do
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
    need_packages rabbitmq-server
    need_instance
    is_running rabbitmq || die "RabbitMQ does not run: ./dev start rabbitmq"
    with_rabbitmq_env "$rabbitmq_bin/rabbitmqctl" "$@"
}

cmd_tidings() {
    need_instance
    find_programs
    run_tidings "$@"
}
