#!/usr/bin/env bash
# A real S3 server for tests: Ceph's gateway (radosgw) over one monitor and one store in memory, on loopback, no systemd.
# Needs ceph-mon, ceph-osd, ceph-common, radosgw and curl:
#
#     apt-get install --yes --no-install-recommends ceph-mon ceph-osd ceph-common radosgw curl
#     eval "$(scripts/start-s3.sh)"        starts it, or finds it running; sets REMENDO_TEST_S3 for the tests
#     scripts/start-s3.sh running          tells by its exit code whether it runs
#     scripts/start-s3.sh stop             ends it; everything in it is gone
#
# What it stores lies in memory (at most 2 GiB), the rest below REMENDO_S3_FOLDER. It listens on REMENDO_S3_PORT, and its monitor
# on REMENDO_S3_MONITOR_PORT, else on the first of a few that nobody else has. Progress goes to standard error.
set -euo pipefail

folder=$(realpath --canonicalize-missing "${REMENDO_S3_FOLDER:-${TMPDIR:-/tmp}/remendo-s3}")
key=TESTKEY
secret=TESTSECRET
bucket=remendo-test
conf=$folder/ceph.conf

# Where it listens, as it was told when it was started.
url() { echo "http://$(sed -n 's/.* endpoint=\([^ ]*\).*/\1/p' "$conf")"; }

say() { echo "start-s3: $*" >&2; }

# Asks the command every quarter of a second until it succeeds, at most two minutes.
wait_for() {
  local what=$1
  shift
  for _ in $(seq 480); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.25
  done
  say "$what did not come up"
  return 1
}

# S3 wants a header that not every curl sends by itself.
s3() {
  curl --silent --fail --max-time 20 --aws-sigv4 aws:amz:us-east-1:s3 --user "$key:$secret" \
    --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

is_running() { [ -e "$conf" ] && s3 --head "$(url)/$bucket" >/dev/null 2>&1; }

# The first of these ports of 127.0.0.1 on which nobody listens.
free_port() {
  local port
  for port in "$@"; do
    if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  say "somebody else listens on $*"
  return 1
}

# A number left by a crash may be another program's by now; a program that ended has no command line.
is_ours() { grep -qzF "$conf" "/proc/$1/cmdline" 2>/dev/null; }

stop() {
  local file pid
  # The gateway first: it waits for the others.
  for file in "$folder"/run/client.*.pid "$folder"/run/osd.*.pid "$folder"/run/mon.*.pid; do
    [ -e "$file" ] || continue
    pid=$(<"$file")
    # What lies in memory needs no orderly end.
    while is_ours "$pid"; do
      kill -KILL "$pid" 2>/dev/null || true
      sleep 0.1
    done
  done
  # Nobody's folder is removed that was only named by mistake.
  if [ -e "$conf" ]; then rm -rf "$folder"; fi
}

write_conf() {
  local fsid=$1 port=$2 monitor_port=$3
  cat >"$conf" <<END
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$monitor_port
mon initial members = a
public addr = 127.0.0.1
keyring = $folder/keyring
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
osd crush chooseleaf type = 0
mon warn on pool no redundancy = false
# The disk is not what limits it.
mon data avail crit = 1
run dir = $folder/run
log file = $folder/log/\$name.log
admin socket = $folder/run/\$name.asok
pid file = $folder/run/\$name.pid
mon data = $folder/mon
[osd]
osd data = $folder/osd
osd objectstore = memstore
memstore device bytes = 2147483648
debug osd = 0
[client.rgw]
rgw data = $folder/rgw
# Small answers would each wait 40 ms for an acknowledgement.
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw thread pool size = 32
# Memory of removed objects comes back within a minute instead of hours.
rgw gc obj min wait = 30
rgw gc processor period = 30
debug rgw = 1
END
}

start_monitor() {
  local fsid=$1 monitor_port=$2 ring=$folder/keyring
  ceph-authtool --create-keyring "$ring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool "$ring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
  ceph-authtool "$ring" --gen-key -n client.rgw --cap mon 'allow rwx' --cap osd 'allow rwx'
  ceph-authtool "$ring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor_port]" "$folder/monmap"
  ceph-mon -c "$conf" --mkfs -i a --monmap "$folder/monmap" --keyring "$ring"
  ceph-mon -c "$conf" -i a
}

start_store() {
  local id
  id=$(</proc/sys/kernel/random/uuid)
  ceph -c "$conf" osd new "$id"
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$id"
  ceph-osd -c "$conf" -i 0
  ceph -c "$conf" osd crush add osd.0 1.0 host=localhost root=default
  wait_for 'the store' bash -c "ceph -c '$conf' osd stat | grep -q '1 up'"
}

start_gateway() {
  radosgw -c "$conf" -n client.rgw
  wait_for 'the gateway' curl --silent --max-time 20 --output /dev/null "$(url)"
  radosgw-admin -c "$conf" -n client.rgw user create --uid=test --display-name=test --access-key="$key" --secret-key="$secret"
  wait_for 'the bucket' s3 --request PUT "$(url)/$bucket"
}

start() {
  local fsid port monitor_port code
  stop
  # shellcheck disable=SC2046
  port=$(free_port ${REMENDO_S3_PORT:-$(seq 7480 7499)})
  # shellcheck disable=SC2046
  monitor_port=$(free_port ${REMENDO_S3_MONITOR_PORT:-$(seq 3300 3319)})
  mkdir -p "$folder"/{mon,osd,rgw,run,log}
  fsid=$(</proc/sys/kernel/random/uuid)
  write_conf "$fsid" "$port" "$monitor_port"
  set +e
  # The daemons keep the output they are given: it must not be one that somebody waits for the end of.
  (
    set -e
    start_monitor "$fsid" "$monitor_port"
    start_store
    start_gateway
  ) </dev/null >"$folder/log/start.log" 2>&1
  code=$?
  set -e
  if [ "$code" -ne 0 ]; then
    say 'not started:'
    tail -n 20 "$folder/log/start.log" >&2
    stop
    exit 1
  fi
  say "an S3 server answers at $(url)"
}

case ${1:-start} in
  start)
    if ! is_running; then start; fi
    at=$(url)
    echo "export REMENDO_TEST_S3=http://$key:$secret@${at#http://}/$bucket"
    ;;
  running) is_running ;;
  stop) stop ;;
  *)
    say 'usage: start-s3.sh [start|running|stop]'
    exit 2
    ;;
esac
