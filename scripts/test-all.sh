#!/usr/bin/env bash
# Calls the HTTP API and every gRPC method of an instance that runs: ./dev up, then scripts/test-all.sh.
# Starts nothing. The gRPC part needs grpcurl (https://github.com/fullstorydev/grpcurl).
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
env_file=${TIDINGS_DEV_DIR:-$root/.dev}/env
[[ -r $env_file ]] || {
    echo "there is no $env_file: run ./dev up first" >&2
    exit 1
}
# shellcheck source=/dev/null
source "$env_file"
token=$("$root/dev" token)
user=9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a
# Each run has an account of its own.
name=test-$$-$(date +%s)
password='correct horse battery'
failed=0

result() {
    printf '%-6s %s\n' "$1" "$2"
    [[ $1 == ok ]] || failed=1
}

# Calls the API: EXPECTED_STATUS METHOD PATH [BODY]
http() {
    local expected=$1 method=$2 path=$3 status arguments=()
    [[ $# -lt 4 ]] || arguments=(-H 'Content-Type: application/json' -d "$4")
    status=$(curl --noproxy '*' -s -o /dev/null -w '%{http_code}' --max-time 20 -X "$method" \
        -H "Authorization: Bearer $token" "${arguments[@]}" "$API_URL$path") || status=none
    if [[ $status == "$expected" ]]; then
        result ok "$method $path"
    else
        result FAILED "$method $path: $status instead of $expected"
    fi
}

notification="{\"targetUserId\": \"$user\", \"type\": \"in-app\", \"payload\": {\"title\": \"Hello\"}}"
http 200 GET /live
http 200 GET /ready
http 200 GET /health
http 200 GET /metrics
http 200 GET /api/openapi.json
http 202 POST /api/notifications "$notification"
http 202 POST /api/notifications/batch "{\"notifications\": [$notification]}"
http 400 POST /api/notifications '{}'
http 200 GET "/api/users/$user"
http 201 POST /api/auth/register \
    "{\"email\": \"$name@http.example.com\", \"username\": \"$name-http\", \"password\": \"$password\"}"
http 200 POST /api/auth/login "{\"email\": \"$name@http.example.com\", \"password\": \"$password\"}"

if [[ -z ${GRPC_PORT:-} ]]; then
    echo "skipped: the gRPC API is off (GRPC_PORT)"
elif ! command -v grpcurl >/dev/null; then
    echo "skipped: the gRPC API, because grpcurl is not installed"
else
    target=127.0.0.1:$GRPC_PORT
    answer=
    # Calls a method, and leaves its answer in $answer: METHOD BODY [TOKEN]
    grpc() {
        if answer=$(grpcurl -plaintext -max-time 20 -H "authorization: Bearer ${3:-$token}" -d "$2" "$target" "$1" 2>&1); then
            result ok "$1"
        else
            result FAILED "$1: $answer"
        fi
    }
    # Prints a member of $answer that is a text: NAME
    member() { sed -nE "s/.*\"$1\": \"([^\"]*)\".*/\1/p" <<<"$answer"; }

    if listed=$(grpcurl -plaintext -max-time 20 "$target" list 2>&1) && [[ $listed == *tidings.v1.Notifications* ]]; then
        result ok "list of services"
    else
        result FAILED "list of services: $listed"
    fi
    message="{\"target_user_id\": \"$user\", \"type\": \"in-app\", \"payload\": \"{\\\"title\\\": \\\"Hello\\\"}\"}"
    grpc tidings.v1.Notifications/Send "{\"notification\": $message}"
    grpc tidings.v1.Notifications/SendBatch "{\"notifications\": [$message]}"
    grpc tidings.v1.Notifications/StreamSend "{\"notification\": $message}"
    grpc user.UserService/Register \
        "{\"email\": \"$name@grpc.example.com\", \"username\": \"$name-grpc\", \"password\": \"$password\"}"
    grpc user.UserService/Login "{\"email\": \"$name@grpc.example.com\", \"password\": \"$password\"}"
    access=$(member accessToken) refresh=$(member refreshToken)
    grpc user.UserService/GetUser '{}' "$access"
    grpc user.UserService/RefreshToken "{\"refresh_token\": \"$refresh\"}"
    grpc user.UserService/Logout "{\"refresh_token\": \"$(member refreshToken)\"}"
    grpc grpc.health.v1.Health/Check '{}'
fi
exit "$failed"
