# shellcheck shell=bash
# A private PostgreSQL: on 127.0.0.1 only, with the default durability (fsync is on).

# The superuser's name, password and the database's name. The server cannot be reached from outside.
readonly postgres_login=tidings
# It refuses to run as root: there it runs as this user, who is made when it is first needed.
readonly postgres_user=tidings-dev

# How to run a command as the user to whom the server belongs: a prefix in $as_postgres.
as_postgres=()
choose_postgres_user() {
    local attempt
    as_postgres=()
    ((EUID == 0)) || return 0
    # Several instances may do this at once; only one of them can win, and /etc/passwd has a lock.
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

# Where its data live: remembered, because it need not be below $dev_dir.
postgres_home() {
    if [[ -r $dev_dir/postgres.path ]]; then
        cat -- "$dev_dir/postgres.path"
    else
        printf '%s' "$dev_dir/postgres"
    fi
}

# Makes the folder for the data. A clone below /root, say, cannot be entered by another user: then the
# data go to a folder of their own, which `down --purge` deletes as well.
make_postgres_home() {
    local home
    home=$(postgres_home)
    [[ ! -d $home ]] || return 0
    if ((EUID == 0)) && ! "${as_postgres[@]}" test -x "$dev_dir"; then
        home=/var/tmp/tidings-dev-$(printf '%s' "$dev_dir" | sha256sum | cut -c 1-16)
        printf '%s' "$home" >"$dev_dir/postgres.path"
        # Anybody can write to /var/tmp: do not walk into a folder that somebody put there before.
        if [[ -L $home || (-e $home && $(stat -c %U -- "$home") != "$postgres_user") ]]; then
            die "$home exists and is not a folder of the user $postgres_user: remove it"
        fi
    fi
    (umask 077 && mkdir -p -- "$home")
    if ((EUID == 0)); then
        chown "$postgres_user:" -- "$home"
    fi
}

# The programs of the version that made the data: another major version cannot read them.
postgres_bin() {
    local version bin data
    data=$(postgres_home)/data
    if [[ -r $data/PG_VERSION ]]; then
        version=$(<"$data/PG_VERSION")
        bin=/usr/lib/postgresql/$version/bin
        [[ -x $bin/postgres ]] || die "the data were made by PostgreSQL $version, which is gone: './dev down --purge' deletes them"
        printf '%s' "$bin"
    else
        newest_postgres_bin
    fi
}

# Runs a client program against it, undisturbed by what the caller's environment says of another server.
postgres_client() (
    local program=$1
    shift
    unset "${!PG@}"
    PGPASSWORD=$postgres_login exec "$program" -h 127.0.0.1 -p "${port[postgres]}" -U "$postgres_login" "$@"
)

init_postgres() {
    local home=$1 bin=$2
    [[ ! -d $home/data ]] || return 0
    say "Creating a PostgreSQL database cluster."
    # Under another name until it is complete, so that an interrupted run leaves nothing half-made.
    "${as_postgres[@]}" rm -rf -- "$home/new"
    printf '%s\n' "$postgres_login" >"$home/password"
    chmod 644 -- "$home/password"
    "${as_postgres[@]}" "$bin/initdb" --pgdata="$home/new" --username="$postgres_login" \
        --pwfile="$home/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
        >>"$log_dir/postgres.log" 2>&1 || {
        show_log_end postgres
        die "initdb failed"
    }
    rm -f -- "$home/password"
    "${as_postgres[@]}" mv -- "$home/new" "$home/data"
}

# Pids of server processes that work in the data folder: a killed server's children may outlive it for
# a moment, and no new server can start before they are gone.
postgres_pids() {
    local data=$1 folder link
    # Root can see where every process is, a user where his own are; others and those that end just
    # now are complaints of find's that mean nothing.
    { find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h %l\n' 2>/dev/null || true; } |
        while read -r folder link; do
            [[ $link != "$data" ]] || printf '%s\n' "${folder#/proc/}"
        done
}
