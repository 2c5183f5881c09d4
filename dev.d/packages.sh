# shellcheck shell=bash
# System packages: this script installs the missing ones on Debian and Ubuntu.

rabbitmq_bin=/usr/lib/rabbitmq/bin

# Prints the program folder of the newest installed PostgreSQL. Fails if it is older than 15.
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

# Prints the path of the library that gives a program another clock. Fails if it is not installed.
faketime_library() { compgen -G '/usr/lib/*/faketime/libfaketime.so.1' | head -n 1; }

is_missing() {
    case $1 in
        rabbitmq-server) [[ ! -x $rabbitmq_bin/rabbitmq-server ]] ;;
        postgresql) ! newest_postgres_bin >/dev/null || ! command -v psql >/dev/null ;;
        curl) ! command -v curl >/dev/null ;;
        python3) [[ ! -x /usr/bin/python3 ]] ;;
        python3-aiosmtpd) ! /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null ;;
        python3-venv) ! /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        pgbouncer) [[ ! -x /usr/sbin/pgbouncer ]] ;;
        gcc) ! command -v cc >/dev/null ;;
        libc6-dev) [[ ! -e /usr/include/stdlib.h ]] ;;
        nodejs) ! command -v node >/dev/null ;;
        npm) ! command -v npm >/dev/null ;;
        chromium) ! find_browser >/dev/null ;;
        libfaketime) ! faketime_library >/dev/null ;;
        prometheus) ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null ;;
    esac
}

# Debian's packages start their services during installation. A policy-rc.d that exits with 101 is Debian's way to
# prevent this. The script leaves an existing policy alone. Everything runs in one root shell, so that sudo asks once
# and the trap removes the policy in any case. The lock on apt's folder keeps another ./dev, which installs at the same
# time, from removing the policy too early.
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
# Its service would listen on every interface after the next boot.
case " $* " in *" prometheus "*) systemctl disable prometheus.service >/dev/null 2>&1 || true ;; esac
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
            die "please install ${missing[*]} (RabbitMQ 3.10 or newer, PostgreSQL 15 or newer): this script installs packages on Debian and Ubuntu only. Or use: docker compose up --build"
        if ((EUID != 0)); then
            # Without a terminal, sudo cannot ask for the password.
            if ! command -v sudo >/dev/null || { [[ ! -t 2 ]] && ! sudo -n true 2>/dev/null; }; then
                die "please install the missing packages: apt-get install ${missing[*]}"
            fi
            as_root=(sudo)
        fi
        say "Installing ${missing[*]} (takes a minute or two)."
        "${as_root[@]}" sh -c "$install_script" sh "${missing[@]}" >&2 ||
            die "the installation failed. Please run: apt-get install ${missing[*]}"
    fi
    for package in "$@"; do
        check_version "$package"
    done
}

# Older distributions have packages that are too old.
check_version() {
    local folder version
    case $1 in
        postgresql)
            newest_postgres_bin >/dev/null ||
                die "PostgreSQL 15 or newer is required, and this distribution has an older version: use a newer distribution, or docker compose up --build"
            ;;
        rabbitmq-server)
            folder=$(readlink -f -- "$rabbitmq_bin/rabbitmq-server")
            version=${folder##*/rabbitmq_server-}
            version=${version%%/*}
            # Quorum queues support at-least-once dead-lettering since 3.10.
            [[ $(printf '3.10\n%s\n' "$version" | sort -V | head -n 1) == 3.10 ]] ||
                die "RabbitMQ 3.10 or newer is required, and this distribution has $version: use a newer distribution, or docker compose up --build"
            ;;
    esac
}

# Adds the folder where rustup installs cargo to the PATH.
need_cargo() {
    # Cargo runs in $root, but a relative path is relative to the caller's folder.
    if [[ -n ${CARGO_TARGET_DIR:-} ]]; then
        CARGO_TARGET_DIR=$(realpath -m -- "$CARGO_TARGET_DIR")
    fi
    if ! command -v cargo >/dev/null && [[ -x ${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo ]]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    fi
    command -v cargo >/dev/null || die "Rust is missing: install it (see https://rustup.rs), then run this command again"
    need_packages gcc libc6-dev
}
