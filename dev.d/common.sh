# shellcheck shell=bash
# Messages, the folder that holds all state, and its lock.

# Progress goes to stderr, so that what a command answers (a token, addresses) can be piped.
say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# Every port, process and secret of one instance lives below $dev_dir. A folder that the caller names
# is a private instance: it gets random ports, so that many can live side by side.
if [[ -n ${TIDINGS_DEV_DIR:-} ]]; then
    dev_dir=$(realpath -ms -- "$TIDINGS_DEV_DIR")
    private_instance=yes
else
    dev_dir=$root/.dev
    private_instance=no
fi
run_dir=$dev_dir/run
log_dir=$dev_dir/log
# What a folder contains if this script made it: `down --purge` deletes nothing else.
marker=$dev_dir/.made-by-tidings-dev

# Makes the folder on first use and takes its lock until this script ends.
open_dev_dir() {
    if [[ -e $dev_dir && ! -e $marker && -n $(ls -A -- "$dev_dir") ]]; then
        die "$dev_dir is not empty and was not made by ./dev: name another folder in TIDINGS_DEV_DIR"
    fi
    if [[ -e $dev_dir && ! -O $dev_dir ]]; then
        die "$dev_dir belongs to $(stat -c %U -- "$dev_dir"): run ./dev as that user, or name another folder in TIDINGS_DEV_DIR"
    fi
    lock_dev_dir
    mkdir -p -- "$run_dir" "$log_dir"
    load_or_choose_ports
}

make_dev_dir() {
    mkdir -p -- "$dev_dir"
    # PostgreSQL may run as another user and must be able to pass; what is secret has a mode of its own.
    chmod 755 -- "$dev_dir"
    : >>"$marker"
}

lock_dev_dir() {
    while true; do
        make_dev_dir
        exec {lock_fd}>>"$dev_dir/lock"
        if ! flock -n "$lock_fd"; then
            say "Another ./dev is at work on $dev_dir; waiting for it."
            flock "$lock_fd"
        fi
        # `down --purge` deletes the file, and a lock on a deleted file guards nothing: look again.
        if [[ $dev_dir/lock -ef /proc/self/fd/$lock_fd ]]; then
            return
        fi
        exec {lock_fd}>&-
    done
}

# Replaces a file at once, readable by its owner only: PATH, content on stdin.
write_private() {
    local new="$1.new.$BASHPID"
    (umask 077 && cat >"$new")
    mv -f -- "$new" "$1"
}

random_text() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Runs each named function in a subshell of its own, all at once; ends this script if one failed.
# To be called as a plain command: behind `||` or `if`, bash would ignore `set -e` inside.
in_parallel() {
    local function pid pids=() failed=no
    for function in "$@"; do
        ("$function") &
        pids+=("$!")
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=yes
    done
    [[ $failed == no ]] || exit 1
}
