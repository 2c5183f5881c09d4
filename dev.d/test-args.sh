# shellcheck shell=bash
# The arguments of `./dev test`.

# Tests that stop or kill a broker make one of their own, so they say nothing about a broker that runs already.
readonly own_broker_tests='test(private_broker) | test(chaos::)'

# Sets $broker, $broker_image, $management, $stop_kept, $web_only, $test_names and $nextest_args.
parse_test_args() {
    local filters=()
    broker='' broker_image='' management='' stop_kept=no web_only=no test_names=() nextest_args=()
    while (($# > 0)); do
        case $1 in
            --rabbitmq | --management | -E | --filterset | --filter-expr | -p | --package | --test | -j | --test-threads | --retries)
                (($# > 1)) || die "$1 needs a value"
                ;;&
            --down) stop_kept=yes ;;
            --web) web_only=yes ;;
            --rabbitmq) broker=$2 && shift ;;
            --management) management=$2 && shift ;;
            --rabbitmq-image) broker_image=$(compose_rabbitmq_image) ;;
            --rabbitmq-image=*) broker_image=${1#*=} ;;
            --rabbitmq=*) broker=${1#*=} ;;
            --management=*) management=${1#*=} ;;
            -E | --filterset | --filter-expr) filters+=("($2)") && shift ;;
            --filterset=* | --filter-expr=*) filters+=("(${1#*=})") ;;
            -p | --package | --test | -j | --test-threads | --retries) nextest_args+=("$1" "$2") && shift ;;
            -*) nextest_args+=("$1") ;;
            *) test_names+=("$1") ;;
        esac
        shift
    done
    [[ -n $broker && -n $management || -z $broker$management ]] ||
        die "--rabbitmq and --management go together"
    [[ -z $broker || -z $broker_image ]] || die "--rabbitmq and --rabbitmq-image exclude each other"
    [[ $stop_kept == no || -z "$broker$broker_image${test_names[*]}${nextest_args[*]}${filters[*]}" ]] ||
        die "--down takes no other arguments"
    [[ $web_only == no || -z "$broker$broker_image${test_names[*]}${nextest_args[*]}${filters[*]}" ]] ||
        die "--web takes no other arguments"
    filters_selected=${#filters[@]}
    add_filter "${filters[@]}"
}

# Several filters mean "any of these". The condition on the broker must hold for all of them.
add_filter() {
    local filter='' one
    for one in "$@"; do
        filter=${filter:+$filter | }$one
    done
    if [[ -n $broker$broker_image ]]; then
        filter="${filter:+($filter) & }not ($own_broker_tests)"
    fi
    if [[ -n $filter ]]; then
        nextest_args+=(-E "$filter")
    fi
}

# Whether the caller wants some tests only.
selects_tests() { ((filters_selected + ${#test_names[@]} > 0)) || names_target; }

# Whether the caller chose the packages or targets to build.
names_target() {
    local argument
    for argument in "${nextest_args[@]}"; do
        case $argument in
            -p | --package | --package=* | --test | --test=* | --lib | --bins | --all-targets) return 0 ;;
        esac
    done
    return 1
}

# Sets $build_args, what cargo builds for the named tests, $program_args, the same with the programs, and $needs_servers. A name is a part of a test's path. If
# all names appear in the end-to-end tests alone, or in unit tests alone, the other tests need not be built. Always with
# --workspace: a single package would have other features, and cargo would build the dependencies again.
choose_targets() {
    local name found e2e=no unit=no
    build_args=(--workspace) program_args=(--workspace --all-targets) needs_servers=yes
    if names_target; then
        build_args=()
        return
    fi
    ((filters_selected == 0 && ${#test_names[@]} > 0)) || return 0
    for name in "${test_names[@]}"; do
        # Anything else is no part of a test's path: build everything.
        [[ $name =~ ^[a-z0-9_:]+$ ]] || return 0
        found=no
        ! has_test "$name" tests/e2e || e2e=yes found=yes
        ! has_test "$name" api worker cli bench doctor db common tests/src tests/chaos || unit=yes found=yes
        [[ $found == yes ]] || return 0
    done
    if [[ $unit == no ]]; then
        build_args+=(--test e2e)
        program_args=(--workspace --bins --test e2e)
    elif [[ $e2e == no ]]; then
        # Unit tests need no server.
        build_args+=(--lib --bins) needs_servers=no
    fi
}

# Whether the FOLDERs have a function, a module or a file for each part of the path NAME: NAME FOLDER…
has_test() (
    cd -- "$root" || exit
    local part name=$1
    shift
    for part in ${name//::/ }; do
        grep -rqE --include='*.rs' "(fn|mod) [a-z0-9_]*$part" "$@" ||
            [[ -n $(find "$@" -path "*$part*" -name '*.rs' -print -quit) ]] || exit 1
    done
)
