# shellcheck shell=bash
# Starting, stopping and killing the private PostgreSQL.

# Separate from the start, which runs in a subshell: a changed port must be known in this shell.
ensure_postgres_ports() { is_running postgres || ensure_ports_free PostgreSQL postgres; }

# Sets $postgres_clock_env to variables that give the server a clock of its own (see libfaketime's README), if
# TIDINGS_DEV_PG_CLOCK is set. The server and all its child processes read the file at every look at the clock. Only the
# time of day differs: periods are measured by another clock, which stays as it is.
postgres_clock_env=()
choose_postgres_clock() {
    local library clock
    postgres_clock_env=()
    [[ -n ${TIDINGS_DEV_PG_CLOCK:-} ]] || return 0
    need_packages libfaketime
    library=$(faketime_library)
    clock=$(postgres_clock)
    if [[ ! -e $clock ]]; then
        printf '+0\n' >"$clock"
        # The server may run as another user.
        chmod 644 -- "$clock"
    fi
    postgres_clock_env=(-u FAKETIME "LD_PRELOAD=$library" "FAKETIME_TIMESTAMP_FILE=$clock" FAKETIME_NO_CACHE=1
        FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1 NO_FAKE_STAT=1)
}

start_postgres() {
    local home bin data until
    if is_running postgres; then
        wait_postgres_ready || die "PostgreSQL is running but does not answer; see $log_dir/postgres.log"
        return
    fi
    choose_postgres_user
    make_postgres_home
    home=$(postgres_home)
    bin=$(postgres_bin)
    init_postgres "$home" "$bin"
    choose_postgres_clock
    data=$(realpath -- "$home/data")
    say "Starting PostgreSQL on port ${port[postgres]}."
    # After a kill, child processes of the old server may hold its shared memory for a moment: try again until then.
    until=$((SECONDS + 60))
    while true; do
        remove_stale_postgres_pid "$data"
        # No Unix socket: its path is limited to 107 bytes, and no client needs one. `./dev test` raises the number
        # of connections, because its tests share one server, and turns fsync off: each of them creates and deletes a
        # database with hundreds of files, and what they kill are processes, which lose nothing that is written.
        spawn postgres "$log_dir/postgres.log" "${as_postgres[@]}" env -u PGDATA -u PGPORT -u PGOPTIONS \
            "${postgres_clock_env[@]}" "$bin/postgres" -D "$data" -p "${port[postgres]}" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
            -c max_connections="${TIDINGS_DEV_PG_CONNECTIONS:-200}" -c fsync="${TIDINGS_DEV_PG_FSYNC:-on}"
        if wait_postgres_ready; then
            break
        fi
        is_running postgres || die_if_port_lost PostgreSQL postgres
        if ((SECONDS >= until)); then
            print_log_end postgres
            die "PostgreSQL did not start"
        fi
        sleep 0.3
    done
    make_postgres_database
}

# Whether the process that this instance has started accepts connections, by its lock file: a server of another clone
# may answer on the same port.
is_postgres_ready() {
    local file lines
    file=$(postgres_home)/data/postmaster.pid
    [[ -r $file ]] || return 1
    mapfile -t lines <"$file" || return 1
    [[ ${lines[0]:-} == "$(pid_of postgres)" && ${lines[7]:-} == ready* ]]
}

# Waits until PostgreSQL answers. Fails if its process ends, or after a minute: recovery after a kill takes time.
wait_postgres_ready() {
    local until=$((SECONDS + 60)) bin
    bin=$(postgres_bin)
    until is_postgres_ready && postgres_client "$bin/pg_isready" -q; do
        is_running postgres || return 1
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
}

make_postgres_database() {
    local found
    found=$(postgres_client psql -X -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = '$postgres_login'")
    if [[ $found != 1 ]]; then
        postgres_client psql -X -q -d postgres -c "CREATE DATABASE $postgres_login"
    fi
}

# A killed server leaves postmaster.pid behind. If another process has that pid now, PostgreSQL takes this process for a
# running server and refuses to start: DATA
remove_stale_postgres_pid() {
    local pid
    [[ -e $1/postmaster.pid ]] || return 0
    read -r pid <"$1/postmaster.pid" || pid=
    if [[ -z $pid || $(readlink -- "/proc/$pid/cwd" 2>/dev/null) != "$1" ]]; then
        "${as_postgres[@]}" rm -f -- "$1/postmaster.pid"
    fi
}

# SIGINT is PostgreSQL's "fast" shutdown: it closes all connections and writes everything to disk.
stop_postgres() { stop_process postgres INT 60; }

# Kills the server and its child processes together, as a power failure would.
kill_postgres() {
    local data pids until=$((SECONDS + 30))
    data=$(realpath -m -- "$(postgres_home)/data")
    mapfile -t pids < <(postgres_pids "$data")
    kill_process postgres
    while ((${#pids[@]} > 0)); do
        ((SECONDS < until)) || die "processes ${pids[*]} of PostgreSQL still run after SIGKILL"
        kill -s KILL "${pids[@]}" 2>/dev/null || true
        sleep 0.05
        mapfile -t pids < <(postgres_pids "$data")
    done
}
