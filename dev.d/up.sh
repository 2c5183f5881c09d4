# shellcheck shell=bash
# `./dev up`: starts whatever is not running yet and restarts the programs if they or their settings have changed.

readonly demo_user=9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a

cmd_up() {
    local name to_start=() nodes observe=no
    for name in "$@"; do
        case $name in
            --cluster) cluster_wanted=yes ;;
            --observe) observe=yes ;;
            *) die "the options of up are --cluster and --observe. Settings come from the environment: see ./dev help" ;;
        esac
    done
    [[ -n ${TIDINGS_BIN_DIR:-} ]] || need_cargo
    need_packages rabbitmq-server postgresql curl
    [[ $observe == no ]] || need_packages prometheus
    open_dev_dir
    # A Prometheus that runs must learn about ports that change.
    ! is_running prometheus || observe=yes

    settle_cluster
    ! is_cluster || say "RabbitMQ runs as a cluster of three nodes until ./dev down --purge."
    # Everything that uses a port is restarted below, so the servers may change their ports.
    may_change_ports=yes
    read -ra nodes <<<"$(rabbitmq_nodes)"
    want_nodes "${nodes[@]}"
    ensure_postgres_ports
    if [[ -n ${TIDINGS_BIN_DIR:-} ]]; then
        in_parallel start_rabbitmq start_postgres
    else
        in_parallel start_rabbitmq start_postgres try_build_web
    fi

    build_programs
    read_settings
    settle_program_ports
    prepare_database

    for name in api worker; do
        is_up_to_date "$name" || to_start+=("$name")
    done
    in_parallel "${to_start[@]/#/stop_}"
    # Before the start: if a program fails, `./dev start` and `./dev logs` use the same settings.
    save_settings
    write_env_file
    for name in "${to_start[@]}"; do
        launch_program "$name"
    done
    for name in api worker; do
        wait_program "$name" /ready 60
    done
    if [[ $observe == yes ]]; then
        want_prometheus
        start_prometheus
    fi
    print_welcome
}

prepare_database() {
    run_tidings migrate >&2 || die "the migration of the database failed"
    if [[ ${settings[SEED_DEMO_DATA]} == true ]]; then
        run_tidings seed >&2 || die "the demo data were not written"
    fi
}

management_lines() {
    local node
    for node in $(rabbitmq_nodes); do
        printf '  %-10s  http://%s   user %s, password %s\n' \
            "RabbitMQ${node#rabbitmq}" "$(management_address "$node")" "$rabbitmq_login" "$(rabbitmq_password)"
    done
}

# Prints how a user registers, is sent a notification and reads it: API TOKEN
print_accounts() {
    local json="-H 'Content-Type: application/json'"
    cat <<TEXT
Register a user, log in as that user, send the user a notification with the token above, and read it with the user's own
(needs jq; docs/ACCOUNTS.md):

curl -s $1/api/auth/register $json -d '{"email": "anna@example.com", "username": "anna", "password": "correct horse battery"}'
login=\$(curl -s $1/api/auth/login $json -d '{"email": "anna@example.com", "password": "correct horse battery"}')
curl -s $1/api/notifications $json -H 'Authorization: Bearer $2' -d '{"targetUserId": "'"\$(jq -r .user.id <<<"\$login")"'", "type": "in-app", "payload": {"title": "Hello, Anna!"}}'
curl -s $1/api/notifications -H "Authorization: Bearer \$(jq -r .accessToken <<<"\$login")"

TEXT
}

# Prints a link that logs in to the dashboard once, if the API has the dashboard: API
print_dashboard_link() {
    local link
    [[ $(curl -s -o /dev/null -w '%{http_code}' "$1/dashboard") == 200 ]] || return 0
    link=$(run_tidings dashboard login --role admin --url "$1") || return 0
    # Its second line says how long it is valid.
    link=${link%%$'\n'*}
    cat <<TEXT
Open the dashboard (once, within 10 minutes; later: ./dev tidings dashboard login):

$link

TEXT
}

# The addresses of what the settings can switch off: API
optional_lines() {
    ! is_running prometheus || printf '  Prometheus  %s (alerts: /alerts; a dashboard for Grafana: docs/MONITORING.md)\n' "$(prometheus_url)"
    [[ ${settings[ACCOUNTS]:-off} != on ]] || printf '  Inbox       %s/inbox (for users with an account)\n' "$1"
    [[ -z ${settings[GRPC_PORT]:-} ]] || printf '  gRPC        127.0.0.1:%s\n' "${settings[GRPC_PORT]}"
}

print_welcome() {
    local token api
    api=$(program_url api)
    cat <<TEXT

Tidings is up.

  API         $api
$(management_lines)
  Worker      $(program_url worker)
$(optional_lines "$api")
TEXT
    # `tidings token` refuses in production, for example.
    if token=$(run_tidings token); then
        cat <<TEXT
Send a notification:

curl -i $api/api/notifications -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d '{"targetUserId": "$demo_user", "type": "in-app", "payload": {"title": "Your order has shipped!"}}'

TEXT
        [[ ${settings[ACCOUNTS]:-off} != on || ${settings[REGISTRATION]:-open} != open ]] || print_accounts "$api" "$token"
    else
        printf 'With these settings there is no token; see above.\n\n'
    fi
    print_dashboard_link "$api"
    cat <<TEXT
Its row: ./dev psql -c 'TABLE notifications'. The logs: ./dev logs. To stop: ./dev down.
TEXT
}
