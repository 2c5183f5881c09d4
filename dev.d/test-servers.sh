# shellcheck shell=bash
# The servers that tests share. Each test has a database and a virtual host of its own on them.

# `./dev test` starts servers in the first folder and deletes them at the end. `./dev test NAME…` keeps those in the
# second folder, so that the next run finds them ready.
test_dir=$dev_dir/test
kept_test_dir=$dev_dir/test-kept

# Starts PostgreSQL, and RabbitMQ unless the caller named a broker: FOLDER
start_test_servers() {
    local names=(postgres)
    [[ -n $broker ]] || names+=(rabbitmq)
    # Many tests run at once, each with several connection pools.
    TIDINGS_DEV_DIR=$1/servers TIDINGS_DEV_PG_CONNECTIONS=400 TIDINGS_DEV_PG_FSYNC=off \
        "$root/dev" start "${names[@]}"
}

# Starts an API and a worker that tests share, on the servers in FOLDER. Not on a broker of the caller's: there each
# test starts its own. Restarts running ones, because the programs may have changed.
start_test_programs() {
    [[ -z $broker ]] || return 0
    TIDINGS_DEV_DIR=$1/servers "$root/dev" stop worker api
    (
        TIDINGS_BIN_DIR=$(target_dir)/debug
        JWT_SECRET=$(<"$root/tests/jwt-secret")
        SECRETS_KEY=$(<"$root/tests/secrets-key")
        CORS_ALLOWED_ORIGINS=$embedding_origin
        export TIDINGS_BIN_DIR JWT_SECRET SECRETS_KEY CORS_ALLOWED_ORIGINS TIDINGS_DEV_DIR=$1/servers
        # Before the start: tests use the tables as soon as the API is ready.
        "$root/dev" tidings migrate >&2 ||
            die "the database of the tests could not be migrated. After a change to a migration: ./dev test --down"
        SEED_DEMO_DATA=false WORKER_CHANNELS=intake WEBHOOK_MAX_RETRIES=3 "$root/dev" start worker api
    )
}

# Prints the variables that tests read, for the servers in FOLDER.
export_test_environment() (
    # shellcheck source=/dev/null
    source "$1/servers/env"
    export_line TIDINGS_TEST_DATABASE_URL "${DATABASE_URL%/*}/postgres"
    export_line TIDINGS_TEST_RABBITMQ_URL "${broker:-$RABBITMQ_URL}"
    export_line TIDINGS_TEST_MANAGEMENT_URL "${management:-$RABBITMQ_MANAGEMENT_URL}"
    export_line TIDINGS_TEST_BIN_DIR "$(target_dir)/debug"
    export_line TIDINGS_TEST_SCHEMATHESIS "$schemathesis_dir/bin/schemathesis"
    export_line TIDINGS_TEST_PIKA_PYTHON "$pika_dir/bin/python"
    export_line TIDINGS_TEST_GRPC_PYTHON "$grpc_python_dir/bin/python"
    # Tests make instances of their own here. This script deletes what a test leaves.
    export_line TIDINGS_TEST_PRIVATE_DIR "$1/private"
    export_line TIDINGS_DEV "$root/dev"
    export_line TIDINGS_DEV_PG_FSYNC off
    if [[ -z $broker ]]; then
        export_line TIDINGS_TEST_SHARED_API_PORT "$API_PORT"
        export_line TIDINGS_TEST_SHARED_DATABASE_URL "$DATABASE_URL"
    fi
    [[ -z $broker ]] || export_line TIDINGS_TEST_EXTERNAL_BROKER 1
)

# Makes sure that the kept servers answer. The data on them are worth nothing: servers that cannot be started again
# (another program has taken a port, a node hangs) are deleted and made anew.
ensure_kept_servers() {
    if kept_servers_answer; then
        delete_leftovers
        return
    fi
    if ! start_test_servers "$kept_test_dir" || ! kept_servers_answer; then
        say "The kept servers cannot be used. Starting new ones."
        clear_instances "$kept_test_dir"
        start_test_servers "$kept_test_dir" || die "the servers for the tests did not start"
    fi
    delete_leftovers
}

# Asks each kept server a question with a time limit: a process that hangs has its port open as well.
kept_servers_answer() (
    [[ -r $kept_test_dir/servers/env ]] || exit 1
    # shellcheck source=/dev/null
    source "$kept_test_dir/servers/env"
    kept_process_runs postgres && kept_databases >/dev/null || exit 1
    [[ -n $broker ]] || { kept_process_runs rabbitmq && kept_vhosts >/dev/null; }
)

# Whether the process is the one that this clone started: another program may have its port by now.
kept_process_runs() {
    local run_dir=$kept_test_dir/servers/run
    is_running "$1"
}

kept_psql() { PGCONNECT_TIMEOUT=5 timeout 20 psql -X -At "${DATABASE_URL%/*}/postgres" "$@" 2>/dev/null; }

kept_databases() { kept_psql -c "SELECT datname FROM pg_database WHERE datname LIKE 'tidings\_test\_%'"; }

kept_management() { curl --noproxy '*' -fs --max-time 10 "$@"; }

kept_vhosts() {
    kept_management "$RABBITMQ_MANAGEMENT_URL/api/vhosts?columns=name" | grep -oE 'tidings-test-[0-9a-f]+' || [[ ${PIPESTATUS[0]} == 0 ]]
}

# Tests that were killed could not delete their databases and virtual hosts.
delete_leftovers() (
    # shellcheck source=/dev/null
    source "$kept_test_dir/servers/env"
    local name
    for name in $(kept_databases); do
        kept_psql -c "DROP DATABASE IF EXISTS $name WITH (FORCE)" >/dev/null
    done
    [[ -z $broker ]] || exit 0
    for name in $(kept_vhosts); do
        kept_management -X DELETE "$RABBITMQ_MANAGEMENT_URL/api/vhosts/$name"
    done
)
