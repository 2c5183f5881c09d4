# shellcheck shell=bash
# Tidings' own programs: built, started with the settings, restarted when something has changed.

# Where cargo puts what it builds, wherever the caller or a cargo configuration has moved that.
target_dir() {
    (cd -- "$root" && cargo metadata --no-deps --format-version 1) |
        sed -nE 's/.*"target_directory":"([^"]*)".*/\1/p'
}

# Sets $bin_dir: builds the named programs, unless the caller names a folder with them.
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

# For `up`, whose programs all other commands use.
build_programs() {
    have_programs tidings tidings-api tidings-worker
    printf '%s' "$bin_dir" | write_private "$dev_dir/bin-dir"
}

# Sets $bin_dir for all other commands: the programs that the last `up` has started.
find_programs() {
    if [[ -n ${TIDINGS_BIN_DIR:-} ]]; then
        bin_dir=$(realpath -m -- "$TIDINGS_BIN_DIR")
    elif [[ -r $dev_dir/bin-dir ]]; then
        bin_dir=$(<"$dev_dir/bin-dir")
    else
        die "the programs have not been built yet: ./dev up does"
    fi
}

# Runs `tidings` with the settings. From the root folder, so that no `.env` adds to them.
run_tidings() { (cd / && with_settings "$bin_dir/tidings" "$@"); }

# A digest of all that NAME is started with: another one means that it must be restarted. The other
# program's port is none of its business.
started_with() {
    local name other=WORKER_PORT
    [[ $1 == api ]] || other=API_PORT
    {
        sha256sum <"$bin_dir/tidings-$1"
        for name in "${!settings[@]}"; do
            [[ $name == "$other" ]] || printf '%s=%q\n' "$name" "${settings[$name]}"
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

# Waits until NAME answers PATH with 200, for at most SECONDS.
wait_program() {
    local name=$1 path=$2 until=$((SECONDS + $3)) url
    url=$(program_url "$name")$path
    until curl --noproxy '*' -fs -o /dev/null --max-time 2 "$url"; do
        if ! is_running "$name"; then
            show_log_end "$name"
            die "$name has ended instead of starting"
        fi
        if ((SECONDS >= until)); then
            show_log_end "$name"
            die "$name runs, but $url did not answer 200 within $3 s; it answers: $(curl --noproxy '*' -s --max-time 2 "$url" || echo nothing)"
        fi
        sleep 0.1
    done
}

# For `./dev start`: alive is enough, since the servers may be away on purpose.
start_program() {
    if ! is_running "$1"; then
        find_programs
        [[ -x $bin_dir/tidings-$1 ]] || die "there is no program $bin_dir/tidings-$1"
        die_if_port_taken "$1"
        launch_program "$1"
    fi
    wait_program "$1" /live 60
}

# The programs finish what is in flight, within a time that is a setting: give them a little more.
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
    # Something that is no number is for the program to complain about.
    if [[ ${settings[$variable]} =~ ^[0-9]+$ ]] && is_listening "${settings[$variable]}"; then
        die "port ${settings[$variable]} is taken by another program: set $variable to a free one"
    fi
}

# Makes sure, before anything is stopped, that both programs will find their ports free. A port that
# the caller has chosen is an order; one that this script has chosen can be exchanged.
settle_program_ports() {
    local name other variable wanted ours
    ours=" $(ports_of_running_programs) "
    for name in api worker; do
        variable=$(port_variable "$name")
        [[ $name == api ]] && other=WORKER_PORT || other=API_PORT
        wanted=${settings[$variable]}
        if is_chosen "$variable"; then
            [[ $ours == *" $wanted "* ]] || die_if_port_taken "$name"
        elif [[ $wanted == "${settings[$other]}" ]] || { is_listening "$wanted" && [[ $ours != *" $wanted "* ]]; }; then
            change_port "$name"
            # shellcheck disable=SC2004 # a key of an associative array, no number
            settings[$variable]=${port[$name]}
            say "Port $wanted is taken: the $name uses ${port[$name]} (set $variable to choose another)."
        fi
    done
}

# In a subshell, because it reads the settings of the last run.
ports_of_running_programs() (
    load_settings || exit 0
    ! is_running api || printf '%s ' "${settings[API_PORT]:-}"
    ! is_running worker || printf '%s ' "${settings[WORKER_PORT]:-}"
)
