#!/usr/bin/env bash
# Builds beitzoo and measures it. The Python peers take part where `make interop` has set them up; PEERS=1 adds what else there is to compare with.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
export GOWORK=off
"$GO" build -o bin/beitzoo ./cmd/beitzoo
python=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/beitzoo/interop}/bin/python
[ -x "$python" ] || { python=; echo "no Python peers here: make interop sets them up"; }
if [ -n "$python" ] && [ -n "${PEERS:-}" ]; then
    "$python" -m pip install --quiet --disable-pip-version-check -r dev/interop/requirements-bench.txt
fi
if [ -n "$python" ] && [ -n "${UNILM:-}" ]; then
    VENV=$(dirname "$(dirname "$python")")
    export VENV PYTHONPATH=$VENV/tokens
    ./dev/beside.sh tokens
fi
torch=bin/beitzoo-torch
if [ -f go.work ]; then
    GOWORK= "$GO" build -tags libtorch -o "$torch" ./cmd/beitzoo
else
    torch=
    echo "no libtorch here: make libtorch sets it up"
fi
"$GO" run ./dev/bench -python "$python" -torch "$torch" -unilm "${UNILM:-}" "$@"
