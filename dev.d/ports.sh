# shellcheck shell=bash
# The ports of an instance: chosen once, stored in its folder, never shared with another instance.

declare -A port=()
declare -rA preferred_port=(
    [api]=8080 [worker]=8081 [grpc]=50051 [postgres]=5433
    [prometheus]=9090
    [rabbitmq]=5673 [management]=15673 [dist]=25673 [epmd]=4370
    [rabbitmq-2]=5674 [management-2]=15674 [dist-2]=25674
    [rabbitmq-3]=5675 [management-3]=15675 [dist-3]=25675
)
# The ports of every instance, and the additional ports of a cluster. That of Prometheus is chosen when it is wanted.
readonly port_keys=(api worker grpc postgres rabbitmq management dist epmd)
readonly cluster_port_keys=({rabbitmq,management,dist}-{2,3})

# Prints the inodes of the sockets that listen on a port, on any address: PORT. The kernel's table also shows listeners on
# addresses other than 127.0.0.1, and reading it needs no tool.
listening_sockets() {
    local hex tables=(/proc/net/tcp)
    [[ ! -r /proc/net/tcp6 ]] || tables+=(/proc/net/tcp6)
    printf -v hex '%04X' "$1"
    awk -v hex="$hex" '$4 == "0A" && $2 ~ (":" hex "$") { print $10 }' "${tables[@]}"
}

# Whether a process listens on this port: PORT
is_listening() { [[ -n $(listening_sockets "$1") ]]; }

# Whether the process NAME of this instance listens on PORT itself. Another clone may have taken the port after this one
# found it free, and would answer in its place. Only for processes of this user: the kernel does not show the sockets of
# other users' processes.
owns_port() {
    local pid socket
    # A program reports a port that is not a number.
    [[ $2 =~ ^[0-9]+$ ]] && pid=$(pid_of "$1") || return 1
    for socket in $(listening_sockets "$2"); do
        if [[ -n $(find "/proc/$pid/fd" -lname "socket:\\[$socket\\]" -print -quit 2>/dev/null) ]]; then
            return
        fi
    done
    return 1
}

# An instance that has chosen a port may not listen on it yet. Therefore each choice is recorded in a registry that all
# instances of this user read. An entry is valid while the file of its instance names the same port.
port_registry=/tmp/tidings-dev-ports-$UID

lock_port_registry() {
    mkdir -m 700 -- "$port_registry" 2>/dev/null || true
    [[ -d $port_registry && -O $port_registry && ! -L $port_registry ]] ||
        die "$port_registry is not a folder of this user: delete it"
    exec {registry_fd}>>"$port_registry/lock"
    flock "$registry_fd"
}

unlock_port_registry() { exec {registry_fd}>&-; }

# Whether no other instance has the port: PORT [MINUTES]. With MINUTES, older entries are ignored.
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

# Sets $chosen to a free port below the ephemeral range: outgoing connections use that range and could take the port
# before the server starts.
choose_random_port() {
    local low=10240 high ephemeral attempt
    read -r ephemeral _ </proc/sys/net/ipv4/ip_local_port_range
    high=$((ephemeral < 32768 ? ephemeral : 32768))
    # The ephemeral range of this machine covers nearly every port: no range is better than another.
    if ((high < 12000)); then
        low=20000 high=30000
    fi
    for ((attempt = 0; attempt < 1000; attempt++)); do
        chosen=$((low + RANDOM % (high - low)))
        case $chosen in
            15672 | 15673 | 25672 | 25673) continue ;; # other RabbitMQ servers use these by default
        esac
        # The other ports of this instance are not in use yet either.
        if [[ " ${port[*]} " != *" $chosen "* ]] && is_port_free "$chosen"; then
            return
        fi
    done
    die "found no free port between $low and $high"
}

# Assigns a port to KEY: the preferred one if it is given and free, otherwise a random one. The registry must be
# locked: KEY [PREFERRED]
assign_port() {
    local key=$1 chosen=${2:-}
    # A preferred port that another clone chose earlier but does not use now counts as free: `up` gives that clone
    # another port when it starts again.
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

# Assigns a port to each named key that has none.
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
    # A reboot deletes the registry.
    for key in "${!port[@]}"; do
        [[ -e $port_registry/${port[$key]} ]] || printf '%s\n' "$dev_dir" >"$port_registry/${port[$key]}"
    done
    unlock_port_registry
    # An instance of an earlier version has fewer ports.
    choose_ports "${port_keys[@]}"
}

# Assigns another port to KEY.
change_port() {
    lock_port_registry
    rm -f -- "$port_registry/${port[$1]}"
    assign_port "$1"
    save_ports
    unlock_port_registry
}

# Claims a port of this instance for the server that is about to start. Fails if another program listens on it, or if
# another instance has claimed it in the last two minutes: two that start at once must not both find it free.
claim_port() {
    local claimed=no
    lock_port_registry
    if is_port_free "$1" 2; then
        printf '%s\n' "$dev_dir" >"$port_registry/$1"
        claimed=yes
    fi
    unlock_port_registry
    [[ $claimed == yes ]]
}

# Checks the ports of a server before it starts: NAME KEY…. `up` restarts every process that uses a port, so it may
# change the port. `start` leaves running processes alone, and they know the old port.
ensure_ports_free() {
    local name=$1 key old
    shift
    for key in "$@"; do
        old=${port[$key]}
        ! claim_port "$old" || continue
        [[ ${may_change_ports:-no} == yes ]] ||
            die "another program uses port $old of $name: stop that program, or run ./dev up to choose another port"
        change_port "$key"
        say "Another program uses port $old: $name gets ${port[$key]} ($key)."
    done
}

# For a server that has ended during its start. Another program may have taken a port after this script found it free:
# NAME KEY…
die_if_port_lost() {
    local name=$1 key
    shift
    for key in "$@"; do
        ! is_listening "${port[$key]}" ||
            die "another program took port ${port[$key]} while $name was starting: stop that program, or run ./dev up to choose another port"
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
