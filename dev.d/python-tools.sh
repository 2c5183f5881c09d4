# shellcheck shell=bash
# Python packages that tests use. Each gets an environment of its own below .dev.

# Generates requests from the OpenAPI document.
readonly schemathesis_version=4.32.5
schemathesis_dir=$dev_dir/schemathesis

# Publishes events like other programs do.
readonly pika_version=1.3.2
pika_dir=$dev_dir/pika

# Calls the gRPC API like a program that knows it by reflection only. Brings grpcio.
readonly grpc_python_version=1.85.1
grpc_python_dir=$dev_dir/grpc-python

need_python_tools() {
    need_python_package schemathesis "$schemathesis_version" "$schemathesis_dir" \
        "Schemathesis, which tests the API against its OpenAPI document (takes half a minute)"
    need_python_package pika "$pika_version" "$pika_dir" "pika, an AMQP client for Python"
    need_python_package grpcio-reflection "$grpc_python_version" "$grpc_python_dir" "grpcio, a gRPC client for Python"
}

# Installs a package, unless this version is installed: PACKAGE VERSION FOLDER DESCRIPTION
need_python_package() {
    local package=$1 version=$2 folder=$3 description=$4
    local installed=$folder/installed-version
    [[ ! -r $installed || $(<"$installed") != "$version" ]] || return 0
    need_packages python3-venv
    say "Installing $description."
    /usr/bin/python3 -m venv --clear "$folder" || die "python3 -m venv failed"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$package==$version" >&2 ||
        die "$package could not be installed: pip needs a package index"
    printf '%s\n' "$version" >"$installed"
}
