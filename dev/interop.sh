#!/usr/bin/env bash
# Builds beitzoo, sets up a virtual environment with the real frameworks, and runs the interop checks in it.
# VENV: where the environment lives (kept between runs, made again when the requirements change). SEED: what is drawn.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/beitzoo/interop}
requirements=dev/interop/requirements.txt
if ! cmp -s "$requirements" "$VENV/beitzoo-requirements.txt"; then
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$VENV/beitzoo-requirements.txt"
fi
CGO_ENABLED=0 GOWORK=off ${GO:-go} build -o bin/beitzoo ./cmd/beitzoo
export HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error
exec "$VENV/bin/python" -W ignore dev/interop/check.py --beitzoo bin/beitzoo --seed "${SEED:-0}" "$@"
