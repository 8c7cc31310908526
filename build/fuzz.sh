#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another, for FUZZTIME each.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
export GOWORK=off
found=0
while IFS=: read -r file target; do
    package=./$(dirname "$file")
    echo "fuzz $package $target"
    "$GO" test -run '^$' -fuzz "^$target\$" -fuzzminimizetime 10x -fuzztime "${FUZZTIME:-10s}" "$package"
    found=$((found + 1))
done < <(grep -rhoE --include='*_test.go' -H '^func Fuzz[A-Za-z0-9_]*' . | sed -e 's/:func /:/' -e 's|^\./||' | sort)
[ "$found" -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
echo "$found fuzz targets"
