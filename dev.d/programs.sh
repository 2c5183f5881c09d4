# shellcheck shell=bash
# Builds the programs, starts them with the settings, and restarts them after a change.

# Prints cargo's target folder, which the caller or cargo's configuration may have changed.
target_dir() {
    (cd -- "$root" && cargo metadata --no-deps --format-version 1) |
        sed -nE 's/.*"target_directory":"([^"]*)".*/\1/p'
}

# Sets $bin_dir. Builds the named programs, unless TIDINGS_BIN_DIR is set: PROGRAM…
have_programs() {
    local program
    if [[ -n ${TIDINGS_BIN_DIR:-} ]]; then
        bin_dir=$(realpath -m -- "$TIDINGS_BIN_DIR")
    else
        say "Building the programs (the first time takes some minutes)."
        (cd -- "$root" && cargo build --release --locked "${@/#/--bin=}") || die "the build failed"
        bin_dir=$(target_dir)/release
    fi
    for program in "$@"; do
        [[ -x $bin_dir/$program ]] || die "there is no program $bin_dir/$program"
    done
}

# For `up`: the other commands use the programs that it builds.
build_programs() {
    have_programs tidings tidings-api tidings-worker
    printf '%s' "$bin_dir" | write_private "$dev_dir/bin-dir"
}

# Sets $bin_dir to the programs that the last `up` built.
find_programs() {
    if [[ -n ${TIDINGS_BIN_DIR:-} ]]; then
        bin_dir=$(realpath -m -- "$TIDINGS_BIN_DIR")
    elif [[ -r $dev_dir/bin-dir ]]; then
        bin_dir=$(<"$dev_dir/bin-dir")
    else
        die "the programs have not been built yet: run ./dev up"
    fi
}

# Runs `tidings` with the settings, in the root folder, so that it reads no `.env`.
run_tidings() { (cd / && with_settings "$bin_dir/tidings" "$@"); }

# Prints a digest of the program file and the settings of NAME. If the digest changes, the program must be restarted.
# The ports of the other program do not count.
started_with() {
    local name others=" WORKER_PORT "
    [[ $1 == api ]] || others=" API_PORT GRPC_PORT "
    {
        sha256sum <"$bin_dir/tidings-$1"
        for name in "${!settings[@]}"; do
            [[ $others == *" $name "* ]] || printf '%s=%q\n' "$name" "${settings[$name]}"
        done | sort
    } | sha256sum
}

is_up_to_date() {
    is_running "$1" && [[ $(started_with "$1") == "$(cat -- "$run_dir/$1.started-with" 2>/dev/null)" ]]
}

launch_program() {
    say "Starting $1."
    started_with "$1" >"$run_dir/$1.started-with"
    with_settings spawn "$1" "$log_dir/$1.log" "$bin_dir/tidings-$1"
}

# Waits until a program answers a path with 200: NAME PATH SECONDS
wait_program() {
    local name=$1 path=$2 until=$((SECONDS + $3)) url
    url=$(program_url "$name")
    until owns_port "$name" "${url##*:}" && curl --noproxy '*' -fs -o /dev/null --max-time 2 "$url$path"; do
        if ! is_running "$name"; then
            print_log_end "$name"
            die "$name ended during its start"
        fi
        if ((SECONDS >= until)); then
            print_log_end "$name"
            die "$name is running, but $url$path did not answer 200 within $3 s. Its answer: $(curl --noproxy '*' -s --max-time 2 "$url$path" || echo nothing)"
        fi
        sleep 0.1
    done
}

# For `./dev start`. Waits for /live only: the servers may be down on purpose.
start_program() {
    if ! is_running "$1"; then
        find_programs
        [[ -x $bin_dir/tidings-$1 ]] || die "there is no program $bin_dir/tidings-$1"
        die_if_port_taken "$1"
        [[ $1 != api ]] || die_if_port_taken grpc
        launch_program "$1"
    fi
    wait_program "$1" /live 60
}

# Waits a little longer than SHUTDOWN_TIMEOUT_SECS, in which the programs finish their work.
stop_program() (
    local own_deadline=30
    if load_settings && [[ ${settings[SHUTDOWN_TIMEOUT_SECS]:-} =~ ^[0-9]+$ ]]; then
        own_deadline=${settings[SHUTDOWN_TIMEOUT_SECS]}
    fi
    stop_process "$1" TERM "$((own_deadline + 5))"
)

port_variable() { printf '%s_PORT' "${1^^}"; }

die_if_port_taken() {
    local variable
    variable=$(port_variable "$1")
    # The program reports a value that is not a number.
    # Without GRPC_PORT there is no gRPC API.
    if [[ ${settings[$variable]:-} =~ ^[0-9]+$ ]] && is_listening "${settings[$variable]}"; then
        die "another program uses port ${settings[$variable]}: set $variable to a free port"
    fi
}

# Checks, before anything is stopped, that the ports of the API, the worker and the gRPC API are free. Changes a port that this script has
# chosen, but never a port that the caller has set.
settle_program_ports() {
    local name other variable wanted ours taken=' '
    ours=" $(ports_of_running_programs) "
    for other in api worker grpc; do
        variable=$(port_variable "$other")
        ! is_chosen "$variable" || taken+="${settings[$variable]:-} "
    done
    for name in api worker grpc; do
        variable=$(port_variable "$name")
        wanted=${settings[$variable]:-}
        if is_chosen "$variable"; then
            [[ $ours == *" $wanted "* ]] || die_if_port_taken "$name"
        elif [[ $taken == *" $wanted "* ]] || { is_listening "$wanted" && [[ $ours != *" $wanted "* ]]; }; then
            change_port "$name"
            # shellcheck disable=SC2004 # a key of an associative array, not a number
            settings[$variable]=${port[$name]}
            say "Another program uses port $wanted: the $name gets ${port[$name]} (set $variable to choose the port)."
        fi
        taken+="${settings[$variable]:-} "
    done
}

# In a subshell, because load_settings overwrites $settings.
ports_of_running_programs() (
    load_settings || exit 0
    ! is_running api || printf '%s ' "${settings[API_PORT]:-}" "${settings[GRPC_PORT]:-}"
    ! is_running worker || printf '%s ' "${settings[WORKER_PORT]:-}"
)
