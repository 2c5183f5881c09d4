# shellcheck shell=bash
# Background processes: started apart from the caller, remembered so that a pid which the system has
# given to someone else meanwhile is never taken for ours.

# The start time of a live process in clock ticks since boot; fails if it is gone or a zombie.
start_time_of() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The name in parentheses may contain anything, spaces included: count from behind it.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    printf '%s' "${fields[19]}"
}

# Replaces this (sub)shell by a command that shares nothing with the caller: LOG COMMAND…
# Own session (no Ctrl-C from the terminal), no open files but the log, signals as at login.
exec_apart() {
    local log=$1 fd limit
    shift
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if ((fd > 2)); then
            eval "exec $fd>&-"
        fi
    done
    # Room for many connections; without a cap, Erlang would size its tables by a huge hard limit.
    limit=$(ulimit -Hn)
    if [[ $limit == unlimited ]] || ((limit > 65536)); then
        limit=65536
    fi
    ulimit -Sn "$limit"
    # Not the repository: the programs would read a `.env` there. Not a folder that `--purge` deletes.
    cd /
    exec setsid env --default-signal "$@" </dev/null >>"$log" 2>&1
}

# Starts a command in the background and remembers it: NAME LOG COMMAND…
# Each link of the chain (setsid, env, …) executes the next, so $! is the pid of the command itself.
spawn() {
    local name=$1
    shift
    (exec_apart "$@") &
    remember "$name" "$!"
}

# Notes which process is called NAME: NAME PID
remember() {
    local started
    started=$(start_time_of "$2") || started=gone
    printf '%s %s %s\n' "$2" "$started" "$(</proc/sys/kernel/random/boot_id)" >"$run_dir/$1.pid"
}

# Prints the pid of a process that `spawn` started; fails if it does not run.
pid_of() {
    local pid started boot
    [[ -r $run_dir/$1.pid ]] || return 1
    read -r pid started boot <"$run_dir/$1.pid" || return 1
    [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] || return 1
    [[ $(start_time_of "$pid") == "$started" ]] || return 1
    printf '%s' "$pid"
}

is_running() { pid_of "$1" >/dev/null; }

# Sends a signal to a process of ours, if it runs: NAME SIGNAL
send_signal() {
    local pid
    if pid=$(pid_of "$1"); then
        # It may end by itself in this very moment.
        kill -s "$2" "$pid" 2>/dev/null || true
    fi
}

# Waits until it has ended: NAME SECONDS; fails if it still runs then.
wait_gone() {
    local until=$((SECONDS + $2))
    while is_running "$1"; do
        ((SECONDS < until)) || return 1
        sleep 0.05
    done
}

# Asks to stop, insists after a while: NAME SIGNAL SECONDS
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
    wait_gone "$1" 30 || die "$1 (pid $(pid_of "$1")) does not end even when killed"
}

# What a program that has just failed wrote last: NAME
show_log_end() {
    say "--- the end of $log_dir/$1.log ---"
    tail -n 20 -- "$log_dir/$1.log" >&2 || true
    say "---"
}
