#!/usr/bin/env bash
# Runs the tests with an addon that is built with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, and fails if
# one of them has something to say. `npm run test:sanitizers`, or with files of tests. About ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
library=$(g++ -print-file-name=libasan.so)
if [[ ! -e $library ]]; then
  echo "SKIPPED: no libasan; on Debian: apt-get install g++"
  exit 0
fi
# Without those that look at the package and the addon's file, count references themselves, or are about DEEPBIND.
tests=("$@")
if ((${#tests[@]} == 0)); then
  tests=('test/**/*.test.ts')
  for name in package install addon-failure leaks native-fallbacks python-libraries python-environments doctor; do
    tests+=(--ignore "test/$name.test.ts")
  done
fi

npx cmake-js compile --out build/sanitizers/build --CDMMPY_SANITIZE=address,undefined
npm run -s build:ts
reports=$project/build/sanitizers/reports
rm -rf "$reports"
mkdir -p "$reports"

# node-gyp-build's own way to take an addon from elsewhere.
export MIDIMONSTER_PYTHON_PREBUILD=$project/build/sanitizers
export NODE_OPTIONS="--require $project/scripts/sanitizers/without-deepbind.cjs"
export PYTHONMALLOC=malloc # so that each object is seen
export ASAN_OPTIONS=detect_leaks=1:log_path=$reports/address:log_exe_name=1:malloc_context_size=40
export UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/undefined:log_exe_name=1
export LSAN_OPTIONS=exitcode=0:print_suppressions=0:suppressions=$project/scripts/sanitizers/suppressions.txt
status=0
LD_PRELOAD=$library npx mocha --timeout 120000 "${tests[@]}" || status=$?

# Of Node's processes; other programs that tests start have leaks of their own.
found=$(find "$reports" -name '*.node.*' -size +0 | sort)
if [[ -n $found ]]; then
  cat $found
  echo "$(wc -w <<<"$found") processes had something to report"
  exit 1
fi
echo "no report of a sanitizer"
exit "$status"
