#!/usr/bin/env bash
# Real servers for the tests: Redis, a MongoDB wire server, an S3 server and a Docker engine.
#
#     scripts/services.sh start|stop|status
#
# What is missing is installed where that can be done (apt needs root). Everything listens on loopback and keeps its
# files in .services/; the addresses go to .services/env, which the tests read. Doing it twice changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

HERE=$PWD/.services
PYTHON=${PYTHON:-python3}
REDIS_PORT=${REDIS_PORT:-16379}
MONGODB_PORT=${MONGODB_PORT:-17017}
S3_PORT=${S3_PORT:-15000}
mkdir -p "$HERE"

say() { printf '%-8s %s\n' "$1" "$2"; }

is_running() { [ -e "$HERE/$1.pid" ] && kill -0 "$(cat "$HERE/$1.pid")" 2>/dev/null; }

# Start a command in a session of its own; its process id and its words go to .services.
launch() {
    local name=$1
    shift
    setsid "$@" >"$HERE/$name.log" 2>&1 </dev/null &
    echo $! >"$HERE/$name.pid"
}

# Wait until a TCP port (a number) or a Unix socket (a path) takes connections.
answers() {
    "$PYTHON" - "$1" "${2:-20}" <<'PYTHON'
import socket, sys, time
where, seconds = sys.argv[1], float(sys.argv[2])
deadline = time.monotonic() + seconds
while True:
    family, address = (socket.AF_INET, ("127.0.0.1", int(where))) if where.isdigit() else (socket.AF_UNIX, where)
    try:
        with socket.socket(family) as probe:
            probe.settimeout(2)
            probe.connect(address)
        sys.exit(0)
    except OSError:
        if time.monotonic() > deadline:
            sys.exit(1)
        time.sleep(0.1)
PYTHON
}

# Install a Debian package if its command is missing; say why when that cannot be done.
need_command() {
    local name=$1 command=$2 package=$3
    command -v "$command" >/dev/null && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "$name" "skipped: there is no '$command', and installing the package $package needs root and apt"
        return 1
    fi
    [ -e "$HERE/apt-updated" ] || { apt-get update -qq && touch "$HERE/apt-updated"; } >"$HERE/apt.log" 2>&1 || true
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >>"$HERE/apt.log" 2>&1; then
        say "$name" "skipped: the package $package could not be installed, see $HERE/apt.log"
        return 1
    fi
}

# Servers written in Python get an environment of their own: what they need is no business of ours.
need_python_packages() {
    local name=$1 command=$2
    shift 2
    [ -x "$HERE/venv/bin/$command" ] && return 0
    [ -x "$HERE/venv/bin/pip" ] || "$PYTHON" -m venv "$HERE/venv"
    if ! "$HERE/venv/bin/pip" install --quiet "$@" >"$HERE/pip-$name.log" 2>&1; then
        say "$name" "skipped: pip could not install $*, see $HERE/pip-$name.log"
        return 1
    fi
}

# Add an address to the file that the tests read, once the server answers.
offer() {
    local name=$1 variable=$2 url=$3 where=$4
    if answers "$where" "${5:-20}"; then
        echo "$variable=$url" >>"$HERE/env.new"
        say "$name" "$url"
    else
        say "$name" "skipped: it was started but does not answer, see $HERE/$name.log"
    fi
}

start_redis() {
    need_command redis redis-server redis-server || return 0
    is_running redis || launch redis redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --save "" --appendonly no --dir "$HERE"
    offer redis REDIS_URL "redis://127.0.0.1:$REDIS_PORT/0" "$REDIS_PORT"
}

start_mongodb() {
    need_python_packages mongodb secantusd-py --pre SecantusDB==0.7.0b3 || return 0
    if ! is_running mongodb; then
        rm -rf "$HERE/mongodb"
        # With the default, a log of 100,000 operations that nobody reads, each write takes forty times as long once the
        # log is full.
        launch mongodb "$HERE/venv/bin/secantusd-py" --host 127.0.0.1 --port "$MONGODB_PORT" \
            --storage-path "$HERE/mongodb" --cache-size 256M --oplog-max-entries 1000 --log-level WARNING \
            --enable-test-commands
    fi
    offer mongodb MONGODB_URL "mongodb://127.0.0.1:$MONGODB_PORT" "$MONGODB_PORT"
}

start_s3() {
    need_python_packages s3 moto_server 'moto[s3]>=5.1,<6' flask flask-cors || return 0
    is_running s3 || launch s3 "$HERE/venv/bin/moto_server" -H 127.0.0.1 -p "$S3_PORT"
    offer s3 S3_URL "http://127.0.0.1:$S3_PORT" "$S3_PORT"
}

start_docker() {
    # The tests make their image of it: a program that needs nothing else.
    need_command docker busybox busybox-static || return 0
    local url=${DOCKER_HOST:-unix:///var/run/docker.sock}
    if command -v docker >/dev/null && DOCKER_HOST=$url timeout 10 docker info >/dev/null 2>&1; then
        echo "DOCKER_HOST=$url" >>"$HERE/env.new"
        say docker "$url"
        return 0
    fi
    need_command docker dockerd docker.io || return 0
    if [ "$(id -u)" != 0 ]; then
        say docker "skipped: no engine answers at $url, and starting one needs root"
        return 0
    fi
    # Paths of sockets are at most 108 characters long: they cannot lie below a checkout of any depth.
    local run
    run=/tmp/weaverlite-docker-$(printf %s "$HERE" | cksum | cut -d ' ' -f 1)
    mkdir -p "$run"
    # The engine of a machine that may itself be a container: no bridge, no packet filter, a driver that needs no
    # overlay. Containers of the tests have no network or the host's.
    is_running docker || launch docker dockerd --host "unix://$run/docker.sock" --pidfile "$run/dockerd.pid" \
        --data-root "$HERE/docker" --exec-root "$run/exec" --storage-driver vfs --bridge none --iptables=false
    offer docker DOCKER_HOST "unix://$run/docker.sock" "$run/docker.sock" 60
}

start() {
    : >"$HERE/env.new"
    start_redis
    start_mongodb
    start_s3
    start_docker
    mv "$HERE/env.new" "$HERE/env"
}

stop() {
    for name in redis mongodb s3 docker; do
        if is_running "$name"; then
            kill "$(cat "$HERE/$name.pid")"
            for _ in $(seq 100); do is_running "$name" || break; sleep 0.1; done
            say "$name" "stopped"
        fi
        rm -f "$HERE/$name.pid"
    done
    rm -f "$HERE/env"
}

status() {
    for name in redis mongodb s3 docker; do
        is_running "$name" && say "$name" "runs as process $(cat "$HERE/$name.pid")" || say "$name" "was not started here"
    done
    [ ! -e "$HERE/env" ] || cat "$HERE/env"
}

case ${1:-start} in
    start | stop | status) "${1:-start}" ;;
    *) echo "usage: $0 start|stop|status" >&2; exit 2 ;;
esac
