#!/usr/bin/env bash
# Installs dev/interop/requirements-NAME.txt into a folder of its own beside the virtual environment VENV, unless it is there: `dev/beside.sh NAME [FLAG...]`.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
shift
requirements=dev/interop/requirements-$name.txt
cmp -s "$requirements" "$VENV/$name/beitzoo-requirements.txt" && exit
rm -rf "${VENV:?}/$name"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$VENV/$name" -r "$requirements" "$@"
cp "$requirements" "$VENV/$name/beitzoo-requirements.txt"
