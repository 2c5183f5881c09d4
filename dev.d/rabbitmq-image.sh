# shellcheck shell=bash
# `./dev test --rabbitmq-image`: a broker in a container, for tests against another version than the installed one.

# Prints the image that docker-compose.yml uses. The registry is part of the name: podman asks for none by default.
compose_rabbitmq_image() {
    local image
    image=$(sed -nE 's/^ *image: *(rabbitmq:[^ ]+).*/\1/p' "$root/docker-compose.yml")
    printf 'docker.io/library/%s' "${image:?}"
}

# Sets $container_engine to podman or docker, whichever works here.
need_container_engine() {
    for container_engine in podman docker; do
        if "$container_engine" info >/dev/null 2>&1; then
            return
        fi
    done
    die "--rabbitmq-image needs podman or docker, and neither works here"
}

# Starts the IMAGE and sets $broker and $management to its URLs. `remove_broker_container` removes it.
start_broker_container() {
    local login=$rabbitmq_login until=$((SECONDS + 120)) amqp http
    broker_container=tidings-test-$$
    say "Starting RabbitMQ from the image $1."
    "$container_engine" run --detach --rm --name "$broker_container" \
        --env RABBITMQ_DEFAULT_USER="$login" --env RABBITMQ_DEFAULT_PASS="$login" \
        --volume "$root/docker/advanced.config:/etc/rabbitmq/advanced.config:ro,z" \
        --publish 127.0.0.1::5672 --publish 127.0.0.1::15672 "$1" >/dev/null ||
        die "the image $1 cannot be started"
    amqp=$("$container_engine" port "$broker_container" 5672/tcp)
    http=$("$container_engine" port "$broker_container" 15672/tcp)
    broker=amqp://$login:$login@$amqp/%2f
    management=http://$login:$login@$http
    # The port of the container is open before the server is: the engine listens on it.
    until curl --noproxy '*' -fs --max-time 5 "$management/api/healthchecks/node" >/dev/null 2>&1 ||
        curl --noproxy '*' -fs --max-time 5 "$management/api/health/checks/port-listener/5672" >/dev/null 2>&1; do
        if ((SECONDS >= until)); then
            "$container_engine" logs --tail 15 "$broker_container" >&2 || true
            die "RabbitMQ in the container did not start"
        fi
        sleep 0.5
    done
    say "RabbitMQ $(curl --noproxy '*' -fs "$management/api/overview" |
        sed -E 's/.*"rabbitmq_version":"([^"]+)".*/\1/') answers at $amqp."
}

remove_broker_container() {
    [[ -z ${broker_container:-} ]] || "$container_engine" rm --force --volumes "$broker_container" >/dev/null 2>&1 || true
}
