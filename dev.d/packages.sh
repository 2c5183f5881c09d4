# shellcheck shell=bash
# What the machine must have: looked for first, installed from Debian or Ubuntu where it is missing.

rabbitmq_bin=/usr/lib/rabbitmq/bin

# Prints the newest installed PostgreSQL's folder of programs; fails below 15.
newest_postgres_bin() {
    local folder version best=14
    for folder in /usr/lib/postgresql/*/bin; do
        version=${folder#/usr/lib/postgresql/}
        version=${version%/bin}
        if [[ $version =~ ^[0-9]+$ && -x $folder/initdb && -x $folder/postgres ]] && ((version > best)); then
            best=$version
        fi
    done
    ((best > 14)) && printf '/usr/lib/postgresql/%s/bin' "$best"
}

is_missing() {
    case $1 in
        rabbitmq-server) [[ ! -x $rabbitmq_bin/rabbitmq-server ]] ;;
        postgresql) ! newest_postgres_bin >/dev/null || ! command -v psql >/dev/null ;;
        curl) ! command -v curl >/dev/null ;;
        python3-aiosmtpd) ! /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null ;;
        gcc) ! command -v cc >/dev/null ;;
        libc6-dev) [[ ! -e /usr/include/stdlib.h ]] ;;
    esac
}

# Debian's packages start their services while they are installed. A policy that says no is the
# distribution's own way to prevent it; one that is there already belongs to somebody else and stays.
# In one root shell, so that sudo asks once and the policy goes away whatever happens. The lock on
# apt's folder is for another ./dev that installs at the same time: it must not take the policy away.
# shellcheck disable=SC2016 # expanded by the shell that runs it
readonly install_script='
set -eu
export DEBIAN_FRONTEND=noninteractive
exec 9</var/lib/apt
flock 9
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    trap "exit 1" INT TERM HUP
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
fi
apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
'

# Installs those of the named packages that are missing.
need_packages() {
    local package missing=() as_root=()
    for package in "$@"; do
        if is_missing "$package"; then
            missing+=("$package")
        fi
    done
    if ((${#missing[@]} > 0)); then
        command -v apt-get >/dev/null ||
            die "please install ${missing[*]} (RabbitMQ 3.10 or newer, PostgreSQL 15 or newer): this script can do so on Debian and Ubuntu only. Or use: docker compose up --build"
        if ((EUID != 0)); then
            # Without a terminal sudo could not ask for the password.
            if ! command -v sudo >/dev/null || { [[ ! -t 2 ]] && ! sudo -n true 2>/dev/null; }; then
                die "please install what is missing: apt-get install ${missing[*]}"
            fi
            as_root=(sudo)
        fi
        say "Installing ${missing[*]} (a minute or two) …"
        "${as_root[@]}" sh -c "$install_script" sh "${missing[@]}" >&2 ||
            die "the installation failed; please install by hand: apt-get install ${missing[*]}"
    fi
    for package in "$@"; do
        check_version "$package"
    done
}

# Older distributions have the packages, but not new enough.
check_version() {
    local folder version
    case $1 in
        postgresql)
            newest_postgres_bin >/dev/null ||
                die "PostgreSQL 15 or newer is needed and this distribution has an older one: use a newer distribution, or docker compose up --build"
            ;;
        rabbitmq-server)
            folder=$(readlink -f -- "$rabbitmq_bin/rabbitmq-server")
            version=${folder##*/rabbitmq_server-}
            version=${version%%/*}
            # Quorum queues dead-letter safely since 3.10.
            [[ $(printf '3.10\n%s\n' "$version" | sort -V | head -n 1) == 3.10 ]] ||
                die "RabbitMQ 3.10 or newer is needed and this distribution has $version: use a newer distribution, or docker compose up --build"
            ;;
    esac
}

# Puts cargo into the PATH, where rustup leaves it.
need_cargo() {
    # Cargo runs in $root, but a relative folder means one of the caller's.
    if [[ -n ${CARGO_TARGET_DIR:-} ]]; then
        CARGO_TARGET_DIR=$(realpath -m -- "$CARGO_TARGET_DIR")
    fi
    if ! command -v cargo >/dev/null && [[ -x ${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo ]]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    fi
    command -v cargo >/dev/null || die "Rust is missing: install it as https://rustup.rs says, then run this again"
    need_packages gcc libc6-dev
}
