#!/usr/bin/env bash
# The main job, end to end: a service on a free port with an empty data directory, a deployed workflow, an execution
# that is followed while it runs, its results on this disk. Everything that was started is stopped at the end.
#
#     make demo                 # one process: SQLite and the embedded queue
#     make demo QUEUE=celery    # front end and worker as two processes, woken through Redis
set -euo pipefail
cd "$(dirname "$0")/.."

QUEUE=${QUEUE:-embedded}
OUTPUTS=${OUTPUTS:-demo-outputs}
PATH=$PWD/.venv/bin:$PATH
DATA=$(mktemp -d)
STARTED=()

stop() {
    local code=$?
    trap - EXIT INT TERM
    for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do
        kill "${STARTED[i]}" 2>/dev/null && wait "${STARTED[i]}" 2>/dev/null || true
    done
    if [ "$code" != 0 ]; then
        for log in "$DATA"/*.log; do
            [ ! -s "$log" ] || { echo "── the end of $(basename "$log")" && tail -n 30 "$log"; } >&2
        done
        echo "The demo failed (exit code $code)." >&2
    fi
    rm -rf "$DATA"
    exit "$code"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Start a command in the background, with its words in a log.
launch() {
    local name=$1
    shift
    "$@" >"$DATA/$name.log" 2>&1 &
    STARTED+=($!)
}

# Print a command as a person would type it, then do it.
show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

free_port() {
    python3 - "$@" <<'PYTHON'
import socket, sys
for port in (*map(int, sys.argv[1:]), 0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}

until_ready() {
    local ask="import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + '/ready', timeout=5)"
    for _ in $(seq 300); do
        if [ "$(jobs -rp | wc -l)" != ${#STARTED[@]} ]; then
            echo "A process of the demo ended by itself." >&2
            return 1
        fi
        python3 -c "$ask" "$1" 2>/dev/null && return 0
        sleep 0.2
    done
    echo "The service at $1 was not ready within a minute." >&2
    return 1
}

PORT=$(free_port 4001)
export WEAVERLITE_URL=http://localhost:$PORT
export WEAVERLITE_DATA=$DATA

case $QUEUE in
    embedded)
        launch service weaverlite serve --port "$PORT"
        ;;
    celery)
        if [ -z "${REDIS_URL:-}" ]; then
            if ! command -v redis-server >/dev/null; then
                echo "QUEUE=celery needs a Redis server: set REDIS_URL, or install redis-server ('make services' does)." >&2
                exit 1
            fi
            REDIS_PORT=$(free_port)
            REDIS_URL=redis://127.0.0.1:$REDIS_PORT/0
            launch redis redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --save "" --appendonly no --dir "$DATA"
        fi
        export WEAVERLITE_QUEUE_URL=celery+$REDIS_URL
        launch service weaverlite serve --no-worker --port "$PORT"
        launch worker weaverlite work
        ;;
    *)
        echo "QUEUE is 'embedded' or 'celery', not '$QUEUE'." >&2
        exit 2
        ;;
esac
until_ready "$WEAVERLITE_URL"
echo "The service runs at $WEAVERLITE_URL with the $QUEUE queue; its data is in $DATA."

EXAMPLE=examples/seattle-weather
show weaverlite deploy -p seattle-weather --cwl $EXAMPLE/package.cwl
show weaverlite execute -p seattle-weather -I $EXAMPLE/inputs.json --monitor --logs -oD "$OUTPUTS" | tee "$DATA/printed"
JOB=$(realpath --relative-to=. "$(tail -n 1 "$DATA/printed")")

show find "$JOB" -type f -size +0
show head -n 4 "$JOB/outputs/table/monthly.csv"
echo
python3 - "$JOB" <<'PYTHON'
import json, sys
from pathlib import Path

job = Path(sys.argv[1])
results = json.loads((job / "results.json").read_text(encoding="utf-8"))
print(f"{results['record_count']} days were read; the warmest month was {results['warmest_month']}.")
print(f"The chart is {job / 'outputs/plot/plot.png'}")
PYTHON
