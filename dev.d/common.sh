# shellcheck shell=bash
# Messages, the folder of the instance, and its lock.

# Progress goes to stderr, so that the output of a command (a token, addresses) can be piped.
say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# The ports, processes and secrets of an instance are recorded below $dev_dir. An instance in a folder that the
# caller names gets random ports, so that many can run side by side.
if [[ -n ${TIDINGS_DEV_DIR:-} ]]; then
    dev_dir=$(realpath -ms -- "$TIDINGS_DEV_DIR")
    private_instance=yes
else
    dev_dir=$root/.dev
    private_instance=no
fi
run_dir=$dev_dir/run
log_dir=$dev_dir/log
# Marks a folder that this script made: `down --purge` deletes no other.
marker=$dev_dir/.made-by-tidings-dev

# Creates the folder on first use and holds its lock until this script ends.
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
    # PostgreSQL may run as another user, who must be able to enter. Files with secrets have a stricter mode.
    chmod 755 -- "$dev_dir"
    : >>"$marker"
}

lock_dev_dir() {
    while true; do
        make_dev_dir
        exec {lock_fd}>>"$dev_dir/lock"
        if ! flock -n "$lock_fd"; then
            say "Waiting for another ./dev that uses $dev_dir."
            flock "$lock_fd"
        fi
        # `down --purge` deletes the file, and a lock on a deleted file excludes nobody: try again.
        if [[ $dev_dir/lock -ef /proc/self/fd/$lock_fd ]]; then
            return
        fi
        exec {lock_fd}>&-
    done
}

# Replaces a file atomically by the content of stdin, readable by its owner only: PATH
write_private() {
    local new="$1.new.$BASHPID"
    (umask 077 && cat >"$new")
    mv -f -- "$new" "$1"
}

random_text() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Prints the password of a server of this instance, which is created with the server: NAME DATA
# A server that another clone has started on the same port thus refuses the programs of this one. A server that an older
# version of this script has created has the password "tidings".
server_password() {
    local file=$dev_dir/$1.password
    if [[ ! -s $file ]]; then
        if compgen -G "$2/*" >/dev/null; then
            printf tidings
        else
            random_text
        fi | write_private "$file"
    fi
    cat -- "$file"
}

# Runs each named function in a subshell, all in parallel. Ends this script if one fails.
# Call it as a plain command: in `||` or `if`, bash ignores `set -e` inside the functions.
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
