# shellcheck shell=bash
# A private PostgreSQL on 127.0.0.1, with the default durability (fsync is on), except for tests.

# Name of the superuser and of the database. The server listens on 127.0.0.1 only.
readonly postgres_login=tidings
# PostgreSQL refuses to run as root. If this script runs as root, PostgreSQL runs as this user, created on first use.
readonly postgres_user=tidings-dev

# Sets $as_postgres to a prefix that runs a command as the user of the server.
as_postgres=()
choose_postgres_user() {
    local attempt
    as_postgres=()
    ((EUID == 0)) || return 0
    # Several instances may do this at the same time: useradd locks /etc/passwd, and all but one fail.
    for ((attempt = 0; attempt < 20; attempt++)); do
        if id -u "$postgres_user" >/dev/null 2>&1; then
            break
        fi
        useradd --system --user-group --no-create-home --home-dir /nonexistent \
            --shell /usr/sbin/nologin "$postgres_user" 2>/dev/null || sleep 0.2
    done
    id -u "$postgres_user" >/dev/null || die "could not create the user $postgres_user for PostgreSQL"
    as_postgres=(setpriv "--reuid=$postgres_user" "--regid=$postgres_user" --clear-groups)
}

# Prints the folder of the data. It is stored, because it may be outside $dev_dir.
postgres_home() {
    if [[ -r $dev_dir/postgres.path ]]; then
        cat -- "$dev_dir/postgres.path"
    else
        printf '%s' "$dev_dir/postgres"
    fi
}

postgres_password() { server_password postgres "$(postgres_home)/data"; }

# Prints the file that says by how much the clock of the server differs from the clock of the machine, such as `+60`.
postgres_clock() { printf '%s' "$(postgres_home)/clock"; }

# Creates the folder for the data. If the user of the server cannot enter $dev_dir (a clone below /root, for example),
# the folder is in /var/tmp. `down --purge` deletes it too.
make_postgres_home() {
    local home
    home=$(postgres_home)
    [[ ! -d $home ]] || return 0
    if ((EUID == 0)) && ! "${as_postgres[@]}" test -x "$dev_dir"; then
        home=/var/tmp/tidings-dev-$(printf '%s' "$dev_dir" | sha256sum | cut -c 1-16)
        printf '%s' "$home" >"$dev_dir/postgres.path"
        # Any user can write to /var/tmp: do not use a folder that another user created.
        if [[ -L $home || (-e $home && $(stat -c %U -- "$home") != "$postgres_user") ]]; then
            die "$home exists and is not a folder of the user $postgres_user: delete it"
        fi
    fi
    (umask 077 && mkdir -p -- "$home")
    if ((EUID == 0)); then
        chown "$postgres_user:" -- "$home"
    fi
}

# Prints the program folder of the version that created the data: another major version cannot read them.
postgres_bin() {
    local version bin data
    data=$(postgres_home)/data
    if [[ -r $data/PG_VERSION ]]; then
        version=$(<"$data/PG_VERSION")
        bin=/usr/lib/postgresql/$version/bin
        [[ -x $bin/postgres ]] || die "PostgreSQL $version created the data and is no longer installed: run ./dev down --purge to delete them"
        printf '%s' "$bin"
    else
        newest_postgres_bin
    fi
}

# Runs a client program against the server. Ignores the caller's PG* variables, which may name another server.
postgres_client() (
    local program=$1
    shift
    unset "${!PG@}"
    PGPASSWORD=$(postgres_password)
    export PGPASSWORD
    exec "$program" -h 127.0.0.1 -p "${port[postgres]}" -U "$postgres_login" "$@"
)

init_postgres() {
    local home=$1 bin=$2 no_sync=()
    [[ ! -d $home/data ]] || return 0
    [[ ${TIDINGS_DEV_PG_FSYNC:-on} == on ]] || no_sync=(--no-sync)
    say "Creating a PostgreSQL database cluster."
    # Under another name until it is complete, so that an interrupted run leaves no incomplete cluster.
    "${as_postgres[@]}" rm -rf -- "$home/new"
    printf '%s\n' "$(postgres_password)" >"$home/password"
    chmod 644 -- "$home/password"
    "${as_postgres[@]}" "$bin/initdb" --pgdata="$home/new" --username="$postgres_login" \
        --pwfile="$home/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
        "${no_sync[@]}" \
        >>"$log_dir/postgres.log" 2>&1 || {
        print_log_end postgres
        die "initdb failed"
    }
    rm -f -- "$home/password"
    "${as_postgres[@]}" mv -- "$home/new" "$home/data"
}

# Prints the pids of the server processes in a data folder. Child processes may outlive a killed server for a moment,
# and a new server cannot start before they end: DATA
postgres_pids() {
    local data=$1 folder link
    # Root can read the folder of every process, a user only of their own. find complains about the others and about
    # processes that end meanwhile; neither matters.
    { find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h %l\n' 2>/dev/null || true; } |
        while read -r folder link; do
            [[ $link != "$data" ]] || printf '%s\n' "${folder#/proc/}"
        done
}
