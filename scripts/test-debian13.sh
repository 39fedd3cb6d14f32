#!/usr/bin/env bash
# What a newcomer with Debian 13 does: installs what the README says the machine needs, then runs the README's two commands,
# on a minimal system of its own, as an ordinary user. `npm run test:debian13`; as root, since that takes a chroot. With
# `-- readme` only the first command is run, with `-- tests` only the second one. `-- packages` prints what Debian 13's packages do
# in instances, for `npm run packages -- --debian13`.
# The unpacked systems stay in ${XDG_CACHE_HOME:-~/.cache}, and are used again until the lists of packages change.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/midimonster-python/debian13

# Programs without which tests are skipped; CONTRIBUTING.md names them.
test_packages="binutils bsdutils clang-format libgtest-dev liblo-tools libpython3-dev libuv1-dev python3-numpy python3-venv systemd"
# The README is about Debian 12 where it names a version of Python.
readme_packages=$(sed -n '/^## Requirements/,/^## A real use/s/.*`apt-get install \([^`]*\)`.*/\1/p' README.md |
  sed 's/libpython3\.11/libpython3.13/' | xargs)
for package in nodejs python3 g++; do
  if [[ " $readme_packages " != *" $package "* ]]; then
    echo "README.md names no package $package under 'Requirements', but: $readme_packages" >&2
    exit 1
  fi
done

if [[ ${1-} == --inside ]]; then
  # In a namespace of its own: every mount and every process is gone when this ends, in whichever way.
  root=$2 user_command=$3
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount -t tmpfs tmpfs "$root/tmp"
  mkdir -p "$root/run/systemd" # there on every system that systemd has started
  # shellcheck disable=SC2046 # one word per variable
  exec chroot --userspec=newcomer:newcomer "$root" /usr/bin/env -i HOME=/home/newcomer USER=newcomer LANG=C.UTF-8 \
    PATH=/usr/local/bin:/usr/bin:/bin TMPDIR=/tmp $(cat "$root/etc/machine-environment") bash -c "$user_command"
fi

if [[ $EUID != 0 ]]; then
  echo "SKIPPED: Debian 13 in a chroot needs root"
  exit 0
fi
for command in debootstrap unshare; do
  if ! command -v "$command" >/dev/null; then
    echo "SKIPPED: no $command; on Debian: apt-get install debootstrap util-linux"
    exit 0
  fi
done
if ! unshare --mount --pid --fork true 2>/dev/null; then
  echo "SKIPPED: this system allows no mounts, which a chroot needs"
  exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

# The machine's own way to Debian's packages and to npm's: mirror, registry, proxies, certificates.
machine_settings() {
  local root=$1 name value environment=()
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  mkdir -p "$root/usr/local/share/machine-certificates"
  apt-config dump | grep -iE '^Acquire::(http|https)::[^"]*(proxy|timeout|verify)' >"$root/etc/apt/apt.conf.d/99machine" || true
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z ${!name-} ]] || environment+=("$name=${!name}")
  done
  for name in registry proxy https-proxy noproxy strict-ssl; do
    value=$(npm config get "$name" 2>/dev/null) || continue
    [[ -z $value || $value == null || $value == undefined ]] || environment+=("npm_config_${name//-/_}=$value")
  done
  certificate() { # name of the variable, file
    [[ -f $2 ]] || return 0
    install -D -m 644 "$2" "$root/usr/local/share/machine-certificates/$1.pem"
    environment+=("$1=/usr/local/share/machine-certificates/$1.pem")
  }
  for name in NODE_EXTRA_CA_CERTS SSL_CERT_FILE CURL_CA_BUNDLE PIP_CERT REQUESTS_CA_BUNDLE; do
    certificate "$name" "${!name-}"
  done
  certificate npm_config_cafile "$(npm config get cafile 2>/dev/null)"
  printf '%s\n' "${environment[@]}" >"$root/etc/machine-environment"
}

in_root() { # root, command of an administrator
  chroot "$1" /usr/bin/env -i DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    $(cat "$1/etc/machine-environment") bash -c "$2"
}

# Two systems: with what the README names and nothing else, and with what the tests can use besides.
wanted="$readme_packages | $test_packages"
if [[ $(cat "$cache/complete" 2>/dev/null) != "$wanted" ]]; then
  echo "unpacking Debian 13 into $cache, with: $readme_packages"
  rm -rf "$cache/complete" "$cache/readme" "$cache/tests" "$cache/packages"
  mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's|^Debian \(.*/debian/*\)$|\1|p' | head -n 1)
  debootstrap --variant=minbase trixie "$cache/readme" ${mirror:+"$mirror"} >"$cache/debootstrap.log" ||
    { tail "$cache/debootstrap.log"; exit 1; }
  machine_settings "$cache/readme"
  in_root "$cache/readme" "apt-get update -qq && apt-get install -y -qq $readme_packages && useradd --create-home newcomer" \
    >"$cache/readme.log" 2>&1 || { tail "$cache/readme.log"; exit 1; }
  cp -a --reflink=auto "$cache/readme" "$cache/tests"
  in_root "$cache/tests" "apt-get install -y -qq --no-install-recommends $test_packages" >"$cache/tests.log" 2>&1 ||
    { tail "$cache/tests.log"; exit 1; }
  echo "$wanted" >"$cache/complete"
fi

as_newcomer() { # system, commands
  local root=$cache/$1
  machine_settings "$root"
  rm -rf "$root/home/newcomer/checkout"
  mkdir "$root/home/newcomer/checkout"
  git ls-files -z | xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\\0" "$file"; done' sh |
    tar --create --null --files-from=- | tar --extract --directory="$root/home/newcomer/checkout"
  chroot "$root" chown -R newcomer: /home/newcomer
  unshare --mount --pid --fork --kill-child "$0" --inside "$root" "set -euo pipefail; cd ~/checkout; $2"
}

# npm itself ends with 130 after Ctrl-C, whatever the program that it ran ended with.
start='
echo "Node $(node --version), npm $(npm --version), $(python3 --version), $(g++ --version | head -n 1)"
npm ci
set -m
npm start >~/start.log 2>&1 </dev/null &
routes() { grep -q "^wave .* curved .* inverted " ~/start.log; }
for ((i = 0; i < 1200; ++i)); do
  ! routes && kill -0 $! 2>/dev/null || break
  sleep 0.1
done
kill -INT -- -$! || true
status=0
wait $! || status=$?
cat ~/start.log
if ! routes || ! grep -q "INFO: SIGINT: stopping" ~/start.log || ((status != 0 && status != 130)); then
  echo "FAILED: npm start routed no value, or did not end as it should after Ctrl-C (exit status $status)"
  exit 1
fi'

systems=("$@")
((${#systems[@]} > 0)) || systems=(readme tests)
for system in "${systems[@]}"; do
  case $system in
    readme) as_newcomer readme "$start" ;;
    # The addon that GCC 14 makes here has to load on older systems, too: prebuild looks at what it needs.
    tests) as_newcomer tests 'npm ci && npm test && npm run prebuild' ;;
    packages)
      # A third system, since the tests skip what needs these packages if they are not there.
      [[ -d $cache/packages ]] || cp -a --reflink=auto "$cache/tests" "$cache/packages"
      for name in ${PACKAGES:-}; do
        in_root "$cache/packages" "apt-get install -y -qq python3-$name" >>"$cache/packages.log" 2>&1 || true
      done
      as_newcomer packages "npm ci >npm.log 2>&1 || { tail npm.log; exit 1; }
        node scripts/packages/main.mjs --print ${PACKAGES:-}"
      continue
      ;;
    *) echo "no system '$system': readme, tests or packages"; exit 2 ;;
  esac
  echo "Debian 13, $system: all is well"
done
