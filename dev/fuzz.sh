#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another, for FUZZTIME each.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
export GOWORK=off
output=$(mktemp)
trap 'rm -f "$output"' EXIT

fuzz() { # package target
    "$GO" test -run '^$' -fuzz "^$2\$" -fuzzminimizetime 10x -fuzztime "${FUZZTIME:-10s}" "$1" 2>&1 | tee "$output"
}

# Go's fuzzer at times takes the end of FUZZTIME for a failure (golang/go#51484). A real one is written down as an input.
only_late() {
    grep -q '^ *context deadline exceeded$' "$output" && ! grep -q 'Failing input written' "$output"
}

found=0
while IFS=: read -r file target; do
    package=./$(dirname "$file")
    echo "fuzz $package $target"
    if ! fuzz "$package" "$target"; then
        only_late || exit 1
        echo "once more: nothing was found"
        fuzz "$package" "$target"
    fi
    found=$((found + 1))
done < <(grep -rhoE --include='*_test.go' -H '^func Fuzz[A-Za-z0-9_]*' . | sed -e 's/:func /:/' -e 's|^\./||' | sort)
[ "$found" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
echo "$found fuzz targets"
