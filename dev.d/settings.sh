# shellcheck shell=bash
# The settings of the programs: defaults for development, overridden by the caller's environment.

declare -A settings=()

# Prints the names of all settings: `.env.example` lists them as NAME=default or #NAME=default.
setting_names() {
    [[ -r $root/.env.example ]] || die "$root/.env.example, which lists the settings, is missing"
    sed -nE 's/^#?([A-Z][A-Z0-9_]*)=.*/\1/p' "$root/.env.example" | sort -u
}

# Prints the secret of the instance. It is created once, so that tokens stay valid after a restart.
development_secret() {
    if [[ ! -s $dev_dir/jwt-secret ]]; then
        random_text | write_private "$dev_dir/jwt-secret"
    fi
    cat -- "$dev_dir/jwt-secret"
}

# Prints the key that encrypts secrets in the database of the instance. It is created once: without it, the secrets that
# are stored cannot be decrypted.
development_secrets_key() {
    if [[ ! -s $dev_dir/secrets-key ]]; then
        printf 'dev:%s\n' "$(head -c 32 /dev/urandom | base64)" | write_private "$dev_dir/secrets-key"
    fi
    cat -- "$dev_dir/secrets-key"
}

# Prints the secret of users' tokens. It is created once, so that sessions survive a restart.
development_accounts_secret() {
    if [[ ! -s $dev_dir/accounts-secret ]]; then
        random_text | write_private "$dev_dir/accounts-secret"
    fi
    cat -- "$dev_dir/accounts-secret"
}

default_settings() {
    settings=(
        [APP_ENV]=development
        [LOG_LEVEL]=info
        [JWT_SECRET]=$(development_secret)
        [SECRETS_KEY]=$(development_secrets_key)
        [ACCOUNTS]=on
        [ACCOUNTS_SECRET]=$(development_accounts_secret)
        [SEED_DEMO_DATA]=true
        [EMAIL_PROVIDER]=sandbox
        [SMS_PROVIDER]=sandbox
        [PUSH_PROVIDER]=sandbox
        [WEBHOOK_PROVIDER]=sandbox
        [SANDBOX_DIR]=$dev_dir/sandbox
        [API_PORT]=${port[api]}
        [PUBLIC_URL]=http://127.0.0.1:${port[api]}
        [WORKER_PORT]=${port[worker]}
        [GRPC_PORT]=${port[grpc]}
    )
    # One replica of each queue on each node.
    ! is_cluster || settings[QUORUM_SIZE]=3
    server_settings
}

# Always the private servers, whatever the environment says: this script must use no other server.
server_settings() {
    settings[DATABASE_URL]=postgres://$postgres_login:$(postgres_password)@127.0.0.1:${port[postgres]}/$postgres_login
    if is_cluster; then
        settings[RABBITMQ_URLS]=$(of_each_node amqp_url)
    else
        settings[RABBITMQ_URL]=$(amqp_url rabbitmq)
    fi
    settings[RABBITMQ_MANAGEMENT_URL]=$(management_url rabbitmq)
}

# Sets $settings from the defaults and the environment of this call. The settings of an earlier run do not count.
read_settings() {
    local name
    default_settings
    for name in $(setting_names); do
        # An empty value counts as a value.
        [[ -v $name ]] || continue
        case $name in
            METRICS_PORT) [[ -z ${!name} ]] || die "METRICS_PORT: the API and the worker run on one machine here, and cannot both have this port" ;;
            DATABASE_URL* | DATABASE_HOST | DATABASE_PORT | DATABASE_USER | DATABASE_PASSWORD* | DATABASE_NAME) ;;
            RABBITMQ_URL* | RABBITMQ_MANAGEMENT_URL*) ;;
            TIDINGS_CONFIG | *_FILE)
                # The programs run in another folder, but a relative path is relative to the caller's.
                settings[$name]=${!name:+$(realpath -ms -- "${!name}")}
                # The file takes the place of a default of this script.
                is_chosen "${name%_FILE}" || unset "settings[${name%_FILE}]"
                ;;
            *) settings[$name]=${!name} ;;
        esac
    done
}

# Whether the caller has set this variable.
is_chosen() { [[ -v $1 ]]; }

# Sets $settings to the settings of the last `up`. Fails if there was none.
load_settings() {
    [[ -r $dev_dir/settings ]] || return 1
    # shellcheck source=/dev/null
    source "$dev_dir/settings"
}

save_settings() {
    # Bash's notation represents any value. -g, because a function reads the file.
    declare -p settings | sed '1s/^declare -A /declare -gA /' | write_private "$dev_dir/settings"
}

# Sets $settings to the settings in use, for commands that change nothing.
current_settings() {
    load_settings || default_settings
    server_settings
}

program_url() {
    case $1 in
        api) printf 'http://127.0.0.1:%s' "${settings[API_PORT]:-${preferred_port[api]}}" ;;
        worker) printf 'http://127.0.0.1:%s' "${settings[WORKER_PORT]:-${preferred_port[worker]}}" ;;
    esac
}

# Prints an assignment for a POSIX shell: NAME VALUE
export_line() { printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"; }

# Writes $dev_dir/env, which a shell or a test reads to use this instance.
write_env_file() {
    local name
    {
        export_line API_URL "$(program_url api)"
        export_line WORKER_URL "$(program_url worker)"
        ! is_cluster || export_line RABBITMQ_MANAGEMENT_URLS "$(of_each_node management_url)"
        [[ -z ${TIDINGS_DEV_PG_CLOCK:-} ]] || export_line POSTGRES_CLOCK "$(postgres_clock)"
        for name in "${!settings[@]}"; do
            export_line "$name" "${settings[$name]}"
        done | sort
    } | write_private "$dev_dir/env"
}

# Runs a command with the settings. The caller's values of other settings are unset: COMMAND…
with_settings() (
    local setting_name
    for setting_name in $(setting_names); do
        unset "$setting_name"
    done
    for setting_name in "${!settings[@]}"; do
        export "$setting_name=${settings[$setting_name]}"
    done
    "$@"
)
