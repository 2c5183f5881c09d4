# shellcheck shell=bash
# Folders below $dev_dir that hold instances of their own: those of `./dev test` and of `./dev chaos`.

# One run at a time in one folder, and a purge counts as one: NAME of the command. Sets $instances_lock_fd,
# which no process that may outlive this script must have open.
lock_instances() {
    exec {instances_lock_fd}>>"$dev_dir/$1.lock"
    flock -n "$instances_lock_fd" || die "a './dev $1' is running on $dev_dir/$1"
}

# Ends and deletes every instance below a folder, those of runs that were interrupted before they could
# clean up included, and the folder.
clear_instances() {
    local found pids=() pid
    [[ -d $1 ]] || return 0
    while IFS= read -r -d '' found; do
        TIDINGS_DEV_DIR=$(dirname -- "$found") "$root/dev" down --purge &
        pids+=("$!")
    done < <(find "$1" -name "${marker##*/}" -print0)
    for pid in "${pids[@]}"; do
        wait "$pid" || say "A server in $1 could not be stopped; see above."
    done
    rm -rf -- "$1"
}
