# shellcheck shell=bash
# `./dev bench`: runs the program tidings-bench. `targets` (the default), `delivery`, `destinations`, `schedule`,
# `growth`, `hostile`, `access`, `inbox` and `dashboard` measure on servers of their own; `pipeline` and `limits` measure the
# running instance.

bench_dir=$dev_dir/bench

# What the programs logged. Stays after the measurement, until the next one.
bench_logs=$dev_dir/bench-logs

# Sets $bench_program to TIDINGS_BENCH_BIN. Without it, runs COMMAND, which sets $bin_dir, and uses tidings-bench there.
set_bench_program() {
    if [[ -n ${TIDINGS_BENCH_BIN:-} ]]; then
        bench_program=$(realpath -m -- "$TIDINGS_BENCH_BIN")
    else
        "$@"
        bench_program=$bin_dir/tidings-bench
    fi
    [[ -x $bench_program ]] || die "there is no program $bench_program"
}

# Sets $bin_dir and $bench_program to programs built like the shipped ones: MEASUREMENT. The example `unpublished`
# measures HTTP without the broker, for `targets`, and `without_wakes` the intake without wakes, for `inbox`.
build_bench_programs() {
    if [[ -n ${TIDINGS_BIN_DIR:-} ]]; then
        bin_dir=$(realpath -m -- "$TIDINGS_BIN_DIR")
    else
        say "Building the programs with the profile dist (the first time takes many minutes)."
        (cd -- "$root" && cargo build --profile dist --bins --example unpublished --example without_wakes \
            -p tidings-api -p tidings-worker -p tidings-bench --locked) || die "the build failed"
        bin_dir=$(target_dir)/dist
    fi
    set_bench_program true
    local program programs=(tidings-api tidings-worker)
    [[ $1 != targets ]] || programs+=(examples/unpublished)
    [[ $1 != inbox ]] || programs+=(examples/without_wakes)
    for program in "${programs[@]}"; do
        [[ -x $bin_dir/$program ]] || die "there is no program $bin_dir/$program"
    done
}

# Prints the pid of a server of the benchmark's instance: SERVER
bench_pid() { TIDINGS_DEV_DIR=$bench_dir/servers "$root/dev" status | awk -v name="$1" '$1 == name { print $3 }'; }

cmd_bench() {
    local what=targets
    case ${1:-} in
        targets | delivery | destinations | schedule | growth | hostile | access | inbox | dashboard | pipeline | limits) what=$1 && shift ;;
    esac
    # The program runs in the root folder, so that it reads no `.env`. A relative path is relative to the caller's folder.
    local args=()
    while (($# > 0)); do
        case $1 in
            --json)
                (($# > 1)) || die "--json needs the name of a file"
                args+=(--json "$(realpath -m -- "$2")")
                shift
                ;;
            --json=*) args+=(--json "$(realpath -m -- "${1#*=}")") ;;
            *) args+=("$1") ;;
        esac
        shift
    done
    [[ -n ${TIDINGS_BIN_DIR:-} ]] || need_cargo
    if [[ " ${args[*]} " == *" --help "* || " ${args[*]} " == *" -h "* ]]; then
        set_bench_program have_programs tidings-bench
        "$bench_program" "$what" --help
    elif [[ $what == pipeline || $what == limits ]]; then
        need_instance
        set_bench_program have_programs tidings-bench
        (cd / && with_settings "$bench_program" "$what" "${args[@]}")
    else
        bench_apart "$what" "${args[@]}"
    fi
}

# Measures on servers of its own: MEASUREMENT ARGS…
bench_apart() {
    local what=$1 args=("${@:2}") status=0
    need_packages rabbitmq-server postgresql
    make_dev_dir
    lock_instances bench
    clear_instances "$bench_dir"
    build_bench_programs "$what"
    [[ $what != targets ]] || args+=(--unpublished "$bin_dir/examples/unpublished")
    [[ $what != inbox ]] || args+=(--without-wakes "$bin_dir/examples/without_wakes")
    rm -rf -- "$bench_logs"
    mkdir -p -- "$bench_dir" "$bench_logs"
    trap 'trap "" INT TERM; clear_instances "$bench_dir"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    (
        exec {instances_lock_fd}>&-
        unset TIDINGS_BIN_DIR
        TIDINGS_DEV_DIR=$bench_dir/servers "$root/dev" start rabbitmq postgres
    ) || die "the servers did not start"
    (
        # Measures the default settings: a shell that has read .dev/env must not pass its settings on.
        unset_settings
        # shellcheck source=/dev/null
        source "$bench_dir/servers/env"
        # Each program gets a free port, and gRPC is off.
        unset API_URL WORKER_URL GRPC_PORT
        export APP_ENV=development
        cd / && exec "$bench_program" "$what" --logs "$bench_logs" \
            --api "$bin_dir/tidings-api" --worker "$bin_dir/tidings-worker" \
            --pid "rabbitmq=$(bench_pid rabbitmq)" --pid "postgres=$(bench_pid postgres)" "${args[@]}"
    ) || status=$?
    exit "$status"
}
