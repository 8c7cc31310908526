#!/usr/bin/env bash
# Builds beitzoo and measures it. The Python peers take part where `make interop` has set them up.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
export GOWORK=off
"$GO" build -o bin/beitzoo ./cmd/beitzoo
python=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/beitzoo/interop}/bin/python
[ -x "$python" ] || { python=; echo "no Python peers here: make interop sets them up"; }
torch=bin/beitzoo-torch
GOWORK= "$GO" build -tags libtorch -o "$torch" ./cmd/beitzoo || { torch=; echo "no libtorch here: make libtorch sets it up"; }
"$GO" run ./build/bench -python "$python" -torch "$torch" "$@"
