# shellcheck shell=bash
# Folders below $dev_dir that contain instances of their own: those of `./dev test`, `./dev chaos` and `./dev bench`.

# Takes the lock of a folder, so that one run or purge at a time uses it: NAME of the folder. Sets
# $instances_lock_fd. No process that may outlive this script may keep it open.
lock_instances() {
    exec {instances_lock_fd}>>"$dev_dir/$1.lock"
    flock -n "$instances_lock_fd" || die "another ./dev is using $dev_dir/$1"
}

# Stops and deletes every instance below a folder, and the folder. Covers instances of runs that were interrupted
# before they could clean up.
clear_instances() {
    local found pids=() pid
    [[ -d $1 ]] || return 0
    while IFS= read -r -d '' found; do
        TIDINGS_DEV_DIR=$(dirname -- "$found") "$root/dev" down --purge &
        pids+=("$!")
    done < <(find "$1" -name "${marker##*/}" -print0)
    for pid in "${pids[@]}"; do
        wait "$pid" || say "A server in $1 was not stopped; see above."
    done
    rm -rf -- "$1"
}
