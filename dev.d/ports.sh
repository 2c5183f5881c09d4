# shellcheck shell=bash
# The ports of an instance: chosen once, remembered in its folder, never shared with another instance.

declare -A port=()
declare -rA preferred_port=(
    [api]=8080 [worker]=8081 [postgres]=5433
    [rabbitmq]=5673 [management]=15673 [dist]=25673 [epmd]=4370
    [rabbitmq-2]=5674 [management-2]=15674 [dist-2]=25674
    [rabbitmq-3]=5675 [management-3]=15675 [dist-3]=25675
)
# Those of every instance, and those that a cluster needs beside them.
readonly port_keys=(api worker postgres rabbitmq management dist epmd)
readonly cluster_port_keys=({rabbitmq,management,dist}-{2,3})

# Whether something listens on this port, on whatever address. Reading the kernel's table finds
# listeners that a connection to 127.0.0.1 would not, and needs no tool.
is_listening() {
    local hex tables=(/proc/net/tcp)
    [[ ! -r /proc/net/tcp6 ]] || tables+=(/proc/net/tcp6)
    printf -v hex '%04X' "$1"
    awk -v hex="$hex" '$4 == "0A" && $2 ~ (":" hex "$") { found = 1; exit } END { exit !found }' "${tables[@]}"
}

# An instance that has chosen a port need not listen on it yet. So each choice is noted where all
# instances of this user look, and counts for as long as the instance's own file says the same.
port_registry=/tmp/tidings-dev-ports-$UID

lock_port_registry() {
    mkdir -m 700 -- "$port_registry" 2>/dev/null || true
    [[ -d $port_registry && -O $port_registry && ! -L $port_registry ]] ||
        die "$port_registry is not a folder of this user: remove it"
    exec {registry_fd}>>"$port_registry/lock"
    flock "$registry_fd"
}

unlock_port_registry() { exec {registry_fd}>&-; }

# PORT [MINUTES]: with MINUTES, older notes do not count.
is_port_free() {
    local owner
    if is_listening "$1"; then
        return 1
    fi
    if [[ -r $port_registry/$1 && -n $(find "$port_registry/$1" ${2:+-mmin "-$2"}) ]]; then
        owner=$(<"$port_registry/$1")
        [[ $owner == "$dev_dir" ]] || ! grep -qs "=$1\$" -- "$owner/ports"
    fi
}

# Sets $chosen to a free port. Outgoing connections take theirs from the ephemeral range, so a port
# from there could be gone by the time that a server wants it: stay below.
choose_random_port() {
    local low=10240 high ephemeral attempt
    read -r ephemeral _ </proc/sys/net/ipv4/ip_local_port_range
    high=$((ephemeral < 32768 ? ephemeral : 32768))
    # Somebody made nearly every port ephemeral: then any place is as good.
    if ((high < 12000)); then
        low=20000 high=30000
    fi
    for ((attempt = 0; attempt < 1000; attempt++)); do
        chosen=$((low + RANDOM % (high - low)))
        case $chosen in
            15672 | 15673 | 25672 | 25673) continue ;; # what other RabbitMQ servers expect to be free
        esac
        # Two keys of this instance must not get the same either: none of them listens yet.
        if [[ " ${port[*]} " != *" $chosen "* ]] && is_port_free "$chosen"; then
            return
        fi
    done
    die "found no free port between $low and $high"
}

# Gives KEY a port: the preferred one if asked for and free, else a random one. Registry locked.
assign_port() {
    local key=$1 chosen=${2:-}
    # A preferred port that another clone chose long ago and does not use now is fair game: `up` finds
    # that one another port when it comes back.
    if [[ -z $chosen ]] || ! is_port_free "$chosen" 2; then
        choose_random_port
    fi
    port[$key]=$chosen
    printf '%s\n' "$dev_dir" >"$port_registry/$chosen"
}

save_ports() {
    local key
    for key in "${!port[@]}"; do
        printf '%s=%s\n' "$key" "${port[$key]}"
    done | sort | write_private "$dev_dir/ports"
}

load_ports() {
    local key value
    [[ -r $dev_dir/ports ]] || return 1
    while IFS='=' read -r key value; do
        port[$key]=$value
    done <"$dev_dir/ports"
}

# Gives each named key that has no port yet one.
choose_ports() {
    local key
    lock_port_registry
    for key in "$@"; do
        if [[ -v port[$key] ]]; then
            continue
        fi
        if [[ $private_instance == yes ]]; then
            assign_port "$key"
        else
            assign_port "$key" "${preferred_port[$key]}"
        fi
    done
    save_ports
    unlock_port_registry
}

load_or_choose_ports() {
    local key
    if [[ ! -r $dev_dir/ports ]]; then
        choose_ports "${port_keys[@]}"
        return
    fi
    lock_port_registry
    load_ports
    # A reboot empties the registry.
    for key in "${!port[@]}"; do
        [[ -e $port_registry/${port[$key]} ]] || printf '%s\n' "$dev_dir" >"$port_registry/${port[$key]}"
    done
    unlock_port_registry
}

# Gives KEY another port than it had.
change_port() {
    lock_port_registry
    rm -f -- "$port_registry/${port[$1]}"
    assign_port "$1"
    save_ports
    unlock_port_registry
}

# Before a server starts: NAME KEY…. `up` tells everyone concerned, so it may take another port;
# `start` leaves the others running, who know the old one.
ensure_ports_free() {
    local name=$1 key old
    shift
    for key in "$@"; do
        old=${port[$key]}
        is_listening "$old" || continue
        [[ ${may_change_ports:-no} == yes ]] ||
            die "port $old of $name is taken by another program: stop that one, or let './dev up' choose another port"
        change_port "$key"
        say "Port $old is taken by another program: $name uses ${port[$key]} ($key)."
    done
}

release_ports() {
    local key
    lock_port_registry
    for key in "${!port[@]}"; do
        if [[ -r $port_registry/${port[$key]} && $(<"$port_registry/${port[$key]}") == "$dev_dir" ]]; then
            rm -f -- "$port_registry/${port[$key]}"
        fi
    done
    unlock_port_registry
}
