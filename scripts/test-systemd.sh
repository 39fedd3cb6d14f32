#!/usr/bin/env bash
# Runs systemd/mmpy.service under a real systemd: Debian in a container, where mmpy is installed as npm does it. As root.
# `npm run test:systemd [SUITE]`, a suite of Debian: bookworm or trixie. What is unpacked stays in /var/tmp: tools that walk
# through the project must not find a whole system there.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${1:-bookworm}
work=/var/tmp/midimonster-python-systemd
root=$work/$suite

for command in debootstrap systemd-nspawn nsenter; do
  if ! command -v "$command" >/dev/null; then
    echo "SKIPPED: no $command; on Debian: apt-get install debootstrap systemd-container util-linux"
    exit 0
  fi
done
if [[ $EUID != 0 ]]; then
  echo "SKIPPED: a container with a systemd of its own needs root"
  exit 0
fi

declare -A libpython=([bookworm]=libpython3.11 [trixie]=libpython3.13)
if [[ ! -e $root/complete ]]; then
  echo "unpacking Debian $suite into $root"
  rm -rf "$root"
  mkdir -p "$work"
  debootstrap --variant=minbase --include="systemd,systemd-sysv,dbus,procps,libatomic1,python3,${libpython[$suite]},liblo-tools" \
    "$suite" "$root" >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; exit 1; }
  echo rack >"$root/etc/hostname"
  echo 127.0.0.1 localhost >"$root/etc/hosts"
  touch "$root/complete"
fi

npm run -s build:ts
node scripts/prebuild.mjs >/dev/null
tarball=$(npm pack --silent --ignore-scripts --pack-destination "$work")
install -m 755 "$(node -p process.execPath)" "$root/usr/bin/node"
npm install --silent --global --prefix "$root/usr" --ignore-scripts --no-audit --no-fund "$work/$tarball"

# What docs/service.md has the user do, as far as it is copying.
rm -rf "$root"/etc/mmpy "$root"/etc/systemd/system/mmpy* "$root"/var/lib/private/mmpy "$root"/var/log/journal
mkdir -p "$root/home/tech" "$root/srv/show" "$root/etc/mmpy/side" "$root/etc/systemd/system/mmpy.service.d"
cp "$root"/usr/lib/node_modules/midimonster-python/systemd/*.service "$root/etc/systemd/system/"
# Shorter than the unit has it, so that this takes a minute.
printf '[Service]\nWatchdogSec=3\nRestartSec=100ms\n' >"$root/etc/systemd/system/mmpy.service.d/override.conf"
cp python/examples/{osc_listener,printer}.py "$root/etc/mmpy/"
cp scripts/test-systemd/* "$root/etc/mmpy/"
cp python/examples/{lfo,shape,meter}.py "$root/etc/mmpy/side/"
cp python/examples/quickstart.cfg "$root/etc/mmpy/side/monster.cfg"

SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --directory="$root" --boot --register=no --keep-unit --private-network \
  --machine=rack --console=pipe </dev/null >"$work/console.log" 2>&1 &
nspawn=$!
trap 'kill $nspawn 2>/dev/null; wait $nspawn || true' EXIT

fail() {
  echo "  FAILED: $*"
  [[ -z ${leader-} ]] || inside journalctl --unit='mmpy*' --no-pager --lines=30
  exit 1
}
# Waits for a command to succeed, for half a minute.
until_true() {
  local deadline=$((SECONDS + 30))
  until "$@" 2>/dev/null; do
    ((SECONDS < deadline)) || fail "$*"
    sleep 0.1
  done
}
inside() { nsenter --target "$leader" --all -- "$@"; }
# The first child of systemd-nspawn is not yet the container's own.
is_running() {
  leader=$(pgrep -P $nspawn) || return 1
  [[ $(inside systemctl is-system-running) =~ ^(running|degraded)$ ]]
}
until_true is_running

journal() { inside journalctl --no-pager --output=short --unit="$@"; }
logged() { journal mmpy --grep="$1" --quiet >/dev/null; }
shows() { [[ $(inside systemctl show --property="$1" --value mmpy) == "$2" ]] || return 1; }
osc() { inside oscsend 127.0.0.1 9000 "$@"; }
expect() { "$@" || fail "$*"; }


echo "Debian $suite, $(inside systemctl --version | head -n1), Node $(inside node --version), $(inside python3 --version)"

inside id tech >/dev/null 2>&1 || inside useradd tech
inside chmod 777 /srv/show
# Stands in for a device at a USB port.
inside mknod --mode=660 /dev/ttyACM0 c 1 3
inside chgrp dialout /dev/ttyACM0

echo "started means routing"
expect inside systemctl start mmpy
expect shows StatusText "routing 6 mappings between 3 instances"
osc /level f 0.5
until_true logged '^out 0\.500$'
pid=$(inside systemctl show --property=MainPID --value mmpy)
[[ $(inside stat -c %u "/proc/$pid") != 0 ]] || fail "it runs as root"

echo "modules reach what the unit lets them reach, and no more"
until_true logged '^allowed: .*$'
journal mmpy --grep='^(allowed|refused):' --output=cat
until_true logged '^allowed: environment, state, tmp, udp, tcp, unix, netlink, child, thread$'
until_true logged '^refused: device, port 80, write /etc, write /usr, write /srv, home, vsock, namespace, clock, real time$'
printf '[Service]\nPrivateDevices=no\nSupplementaryGroups=dialout\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n%s\n%s\n%s\n' \
  ReadWritePaths=/srv/show ProtectHome=read-only RestrictAddressFamilies=AF_VSOCK \
  >"$root/etc/systemd/system/mmpy.service.d/more.conf"
inside systemctl daemon-reload
expect inside systemctl restart mmpy
until_true logged '^allowed: .*netlink, device, port 80, child, thread, write /srv, home, vsock$'
printf '[Service]\nDynamicUser=no\nUser=tech\n' >"$root/etc/systemd/system/mmpy.service.d/more.conf"
inside systemctl daemon-reload
expect inside systemctl restart mmpy
pid=$(inside systemctl show --property=MainPID --value mmpy)
[[ $(inside stat -c %U "/proc/$pid") == tech ]] || fail "it does not run as tech"
rm "$root/etc/systemd/system/mmpy.service.d/more.conf"
inside systemctl daemon-reload
expect inside systemctl restart mmpy
pid=$(inside systemctl show --property=MainPID --value mmpy)

echo "an exception is an error in the journal, in all its lines, without a time of its own"
osc /fail f 1
until_true logged '^ValueError: no such level$'
[[ $(journal mmpy --priority=err --output=cat) == "ERROR: desk.desk.fail: the handler raised on value 1"*"ValueError: no such level" ]] ||
  fail "other errors: $(journal mmpy --priority=err)"

echo "reload: a changed module, the same process; one with an error changes nothing"
sed -i 's/print("level"/print("new level"/' "$root/etc/mmpy/desk.py"
expect inside systemctl reload mmpy
until_true logged 'reloaded: module desk.desk'
osc /level f 0.25
until_true logged '^new level 0.25$'
expect shows MainPID "$pid"
cp "$root/etc/mmpy/desk.py" "$work/desk.py"
echo "nonsense(" >>"$root/etc/mmpy/desk.py"
inside systemctl reload mmpy || true
until_true shows StatusText "routing 6 mappings between 3 instances; the last reload failed"
osc /level f 0.75
until_true logged '^new level 0.75$'
cp "$work/desk.py" "$root/etc/mmpy/desk.py"

echo "a reload may take longer than the watchdog waits"
printf 'import time\ntime.sleep(5)\nprint("slept")\n' >>"$root/etc/mmpy/desk.py"
inside systemctl reload mmpy
until_true logged '^slept$'
until_true shows StatusText "routing 6 mappings between 3 instances"
expect shows NRestarts 0
cp "$work/desk.py" "$root/etc/mmpy/desk.py"

version=$(inside systemctl --version | awk 'NR == 1 { print $2 }')
if ((version >= 253)); then
  echo "Type=notify-reload: systemctl reload comes back when all is done"
  printf '[Service]\nType=notify-reload\nExecReload=\n' >"$root/etc/systemd/system/mmpy.service.d/reload.conf"
  inside systemctl daemon-reload
  expect inside systemctl restart mmpy
  printf 'import time\ntime.sleep(5)\nprint("slept again")\n' >>"$root/etc/mmpy/desk.py"
  expect inside systemctl reload mmpy
  expect shows StatusText "routing 6 mappings between 3 instances"
  until_true logged '^slept again$'
  cp "$work/desk.py" "$root/etc/mmpy/desk.py"
fi

echo "a handler that never returns: killed by the watchdog, started again"
osc /hang f 1
until_true shows NRestarts 1
until_true shows ActiveState active
until_true logged 'the handler desk\.hang is still running after'
until_true logged "Failed with result 'watchdog'"

echo "a crash: started again"
osc /crash f 1
until_true shows NRestarts 2
until_true shows ActiveState active
until_true logged 'status=11/SEGV'

echo "a stop: of a handler that never returns, with a cleanup handler that takes longer than the watchdog waits"
osc /hang f 1
until_true logged 'hanging once more'
expect inside systemctl stop mmpy
expect shows Result success
[[ $(cat "$root/var/lib/private/mmpy/saved") == "the level was 0.0" ]] || fail "nothing was saved"

echo "a configuration with an error: tried ten times, then given up"
echo '[nothing n]' >>"$root/etc/mmpy/monster.cfg"
inside systemctl start mmpy 2>/dev/null && fail "started"
until_true logged 'Start request repeated too quickly'
expect shows ActiveState failed
journal mmpy --priority=err --output=cat --lines=4
until_true logged "^monster.cfg:.*error: unknown backend 'nothing'$"

echo "several: each with its own folder"
expect inside systemctl start mmpy@side
[[ $(inside systemctl show --property=StatusText --value mmpy@side) == "routing 3 mappings between 3 instances" ]] || fail "mmpy@side"
expect inside systemctl stop mmpy@side

echo "all is well"
