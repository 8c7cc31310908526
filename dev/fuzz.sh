#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME, each on one processor and as many at a time as there are processors.
set -euo pipefail
cd "$(dirname "$0")/.."
export GO=${GO:-go} FUZZTIME=${FUZZTIME:-10s} GOWORK=off

# fuzz PACKAGE TARGET. Go's fuzzer at times takes the end of FUZZTIME for a failure (golang/go#51484), and is then run once more; a real one is written down as an input.
fuzz() {
    local output
    for try in 1 2; do
        if output=$("$GO" test -run '^$' -fuzz "^$2\$" -fuzzminimizetime 10x -fuzztime "$FUZZTIME" -parallel 1 "$1" 2>&1); then
            echo "$2: $(tail -n 1 <<<"$output")"
            return
        fi
        grep -q '^ *context deadline exceeded$' <<<"$output" && ! grep -q 'Failing input written' <<<"$output" && [ "$try" = 1 ] || break
    done
    echo "$1 $2: $output"
    return 1
}
export -f fuzz

targets=$(grep -rhoE --include='*_test.go' -H '^func Fuzz[A-Za-z0-9_]*' . | sed -e 's|/[^/]*:func | |' | sort)
[ -n "$targets" ] || { echo "no fuzz target found" >&2; exit 1; }
xargs -P "$(nproc)" -L 1 bash -c 'fuzz "$1" "$2" || exit 255' fuzz <<<"$targets"
echo "$(wc -l <<<"$targets") fuzz targets"
