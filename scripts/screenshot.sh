#!/usr/bin/env bash
# Makes the pictures of the README (docs/images): ./dev up, then scripts/screenshot.sh [MINUTES]. Sends a demo load to the
# instance for some minutes (12), and takes pictures of the overview with Chromium.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
env_file=${TIDINGS_DEV_DIR:-$root/.dev}/env
[[ -r $env_file ]] || {
    echo "there is no $env_file: run ./dev up first" >&2
    exit 1
}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome-stable) || {
    echo "Chromium is not installed: apt-get install chromium" >&2
    exit 1
}
# shellcheck source=/dev/null
source "$env_file"
API_URL=${API_URL/127.0.0.1/localhost}
TOKEN=$("$root/dev" token)
FOLDER=$root/docs/images
MINUTES=${1:-12}
BROWSER=$browser
export API_URL TOKEN FOLDER MINUTES BROWSER

mkdir -p -- "$FOLDER"
cd -- "$root/web"
node_modules/.bin/tsc --project tsconfig.node.json
node build/js/screenshot/screenshot.js load
LINK=$("$root/dev" tidings --json dashboard login --role admin --url "$API_URL" | sed -nE 's/.*"url": ?"([^"]+)".*/\1/p')
LINK=$LINK node build/js/screenshot/screenshot.js pictures
