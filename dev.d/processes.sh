# shellcheck shell=bash
# Background processes, detached from the caller. Each is recorded with its start time, so that a reused pid is never
# mistaken for one of them.

# Prints the start time of a process in clock ticks since boot. Fails if it has ended or is a zombie: PID
# While threads of a zombie still run, the process has its ports and files: a killed server has not ended yet.
start_time_of() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The name in parentheses may contain spaces: count the fields after it.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || ((fields[17] > 1)) || return 1
    printf '%s' "${fields[19]}"
}

# Replaces this (sub)shell by a detached command: LOG COMMAND…
# It gets a session of its own (no Ctrl-C from the terminal), no open file except the log, and default signals.
exec_apart() {
    local log=$1 fd limit
    shift
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if ((fd > 2)); then
            eval "exec $fd>&-"
        fi
    done
    # Allows many connections. Without a cap, Erlang would allocate tables for a huge hard limit.
    limit=$(ulimit -Hn)
    if [[ $limit == unlimited ]] || ((limit > 65536)); then
        limit=65536
    fi
    ulimit -Sn "$limit"
    # Not the repository, where the programs would read a `.env`, and not a folder that `--purge` deletes.
    cd /
    exec setsid env --default-signal "$@" </dev/null >>"$log" 2>&1
}

# Starts a command in the background and records its pid: NAME LOG COMMAND…
# Each program in the chain (setsid, env, …) executes the next, so $! is the pid of the command itself.
spawn() {
    local name=$1
    shift
    (exec_apart "$@") &
    record_pid "$name" "$!"
}

# Records the pid of the process NAME: NAME PID
record_pid() {
    local started
    started=$(start_time_of "$2") || started=gone
    printf '%s %s %s\n' "$2" "$started" "$(</proc/sys/kernel/random/boot_id)" >"$run_dir/$1.pid"
}

# Prints the pid of a process that `spawn` started. Fails if it is not running: NAME
pid_of() {
    local pid started boot
    [[ -r $run_dir/$1.pid ]] || return 1
    read -r pid started boot <"$run_dir/$1.pid" || return 1
    [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] || return 1
    [[ $(start_time_of "$pid") == "$started" ]] || return 1
    printf '%s' "$pid"
}

is_running() { pid_of "$1" >/dev/null; }

# Sends a signal to a recorded process, if it is running: NAME SIGNAL
send_signal() {
    local pid
    if pid=$(pid_of "$1"); then
        # The process may end at this moment.
        kill -s "$2" "$pid" 2>/dev/null || true
    fi
}

# Waits until a process has ended. Fails if it still runs after SECONDS: NAME SECONDS
wait_gone() {
    local until=$((SECONDS + $2))
    while is_running "$1"; do
        ((SECONDS < until)) || return 1
        sleep 0.05
    done
}

# Stops a process by SIGNAL, and kills it after SECONDS: NAME SIGNAL SECONDS
stop_process() {
    is_running "$1" || return 0
    say "Stopping $1."
    send_signal "$1" "$2"
    if ! wait_gone "$1" "$3"; then
        say "$1 did not stop within $3 s: killing it."
        kill_process "$1"
    fi
}

kill_process() {
    send_signal "$1" KILL
    wait_gone "$1" 30 || die "$1 (pid $(pid_of "$1")) still runs after SIGKILL"
}

# Prints the end of the log of a program that has failed: NAME
print_log_end() {
    say "--- the end of $log_dir/$1.log ---"
    tail -n 20 -- "$log_dir/$1.log" >&2 || true
    say "---"
}
