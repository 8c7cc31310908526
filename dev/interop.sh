#!/usr/bin/env bash
# Builds beitzoo, sets up a virtual environment with the real frameworks, and runs interop checks in it: `dev/interop.sh cross`, for architectures that are
# drawn and converted to everything, `dev/interop.sh drawn`, for models that are drawn with all that belongs to them, `dev/interop.sh resize`, for models that
# are resized, `dev/interop.sh pictures`, for what is made of image files, `dev/interop.sh folders`, for data sets,
# `dev/interop.sh record`, for what the recording scripts record of each framework, `dev/interop.sh mutants`, for faults that are planted, and
# `dev/interop.sh segmentation`, for models of segmentation in transformers and mmsegmentation, recorded ones and ones that are drawn, `dev/interop.sh pixels`, for
# figures of maps of classes, `dev/interop.sh finetune`, for augmentation, the linear probe, and models that were trained here or by two processes elsewhere, and
# `dev/interop.sh casts`. `dev/interop.sh setup` only sets up, for checks that then run side by side.
# VENV: where the environment lives (kept between runs, made again when the requirements change). SEED: what is drawn; DRAWN: how many; CASE: only this one of
# them. BUILT: not empty if bin/beitzoo is this state's, as after setup. UNILM, PASSL: checkouts of these programs, whose own code is then run in place of our stand-ins, and resizes models.
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
export VENV
for beside in transformers4 openmmlab; do
    ./dev/beside.sh "$beside"
done
checks=${1:?cross, drawn, finetune, folders, mutants, casts, pictures, pixels, record, resize, segmentation, setup or tokens}
shift
[ -n "${BUILT:-}" ] || CGO_ENABLED=0 GOWORK=off ${GO:-go} build -o bin/beitzoo ./cmd/beitzoo
export HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error
frameworks=(--beitzoo bin/beitzoo --transformers4 "$VENV/transformers4" ${UNILM:+--unilm "$UNILM"} ${PASSL:+--passl "$PASSL"})
case $checks in
setup) ;;
casts) exec "$VENV/bin/python" -W ignore dev/interop/check.py --beitzoo bin/beitzoo --seed "${SEED:-0}" "$@" ;;
pictures)
    CGO_ENABLED=0 GOWORK=off ${GO:-go} build -o bin/pictures ./dev/pictures
    exec "$VENV/bin/python" -W ignore dev/interop/pictures.py --pictures bin/pictures ${UNILM:+--unilm "$UNILM"} --seed "${SEED:-0}" --jpegs "${DRAWN:-500}" \
        ${CASE:+--case "$CASE"} "$@"
    ;;
finetune)
    CGO_ENABLED=0 GOWORK=off ${GO:-go} build -o bin/augment ./dev/augment
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    "$VENV/bin/python" -W ignore dev/interop/augment.py draw "${SEED:-0}" "${DRAWN:-20}" "$folder/drawn.json"
    bin/augment "$folder/drawn.json" finetune/augment/testdata/recorded.json
    "$VENV/bin/python" -W ignore dev/interop/probe.py check bin/beitzoo manifests/embedded/digits_p16_64.pdparams manifests/embedded/images "$@"
    if [ -f go.work ]; then
        GOWORK= ${GO:-go} build -tags libtorch -o bin/beitzoo-torch ./cmd/beitzoo
        "$VENV/bin/python" -W ignore dev/interop/finetuned.py --beitzoo bin/beitzoo-torch ${UNILM:+--unilm "$UNILM"} ${PASSL:+--passl "$PASSL"}
    else
        echo "no libtorch here, so nothing was trained: make libtorch sets it up"
    fi
    ;;
folders) exec "$VENV/bin/python" -W ignore dev/interop/folders.py --beitzoo bin/beitzoo --seed "${SEED:-0}" --drawn "${DRAWN:-40}" ${CASE:+--case "$CASE"} "$@" ;;
record) exec "$VENV/bin/python" -W ignore dev/interop/record.py "${frameworks[@]}" --openmmlab "$VENV/openmmlab" --seed "${SEED:-0}" "$@" ;;
drawn) exec "$VENV/bin/python" -W ignore dev/interop/travel.py "${frameworks[@]}" --seed "${SEED:-0}" --drawn "${DRAWN:-12}" ${CASE:+--case "$CASE"} "$@" ;;
mutants) exec "$VENV/bin/python" -W ignore dev/mutants/main.py --beitzoo bin/beitzoo --openmmlab "$VENV/openmmlab" --seed "${SEED:-0}" --drawn "${DRAWN:-0}" --part "${PART:-}" ${CASE:+--case "$CASE"} \
    ${TABLE:+--table "$TABLE"} ${JSON:+--json "$JSON"} ${LIST:+--list} "$@" ;;
cross) exec "$VENV/bin/python" -W ignore dev/interop/cross.py "${frameworks[@]}" --openmmlab "$VENV/openmmlab" \
    --seed "${SEED:-0}" --drawn "${DRAWN:-60}" ${CASE:+--case "$CASE"} "$@" ;;
resize)
    [ -z "${UNILM:-}" ] || ./dev/beside.sh scipy --only-binary :all:
    exec "$VENV/bin/python" -W ignore dev/interop/resize.py --beitzoo bin/beitzoo --seed "${SEED:-0}" ${UNILM:+--unilm "$UNILM" --scipy "$VENV/scipy"} "$@"
    ;;
tokens)
    [ -z "${UNILM:-}" ] || ./dev/beside.sh tokens
    exec "$VENV/bin/python" -W ignore dev/interop/visual_tokens.py --beitzoo bin/beitzoo --openmmlab "$VENV/openmmlab" ${UNILM:+--unilm "$UNILM" --beside "$VENV/tokens"} ${PASSL:+--passl "$PASSL"} "$@"
    ;;
pixels)
    ./dev/beside.sh pixels
    exec "$VENV/bin/python" -W ignore dev/interop/pixels.py --beitzoo bin/beitzoo --openmmlab "$VENV/openmmlab" --beside "$VENV/pixels" --seed "${SEED:-0}" --drawn "${DRAWN:-40}" "$@"
    ;;
segmentation)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    # check MODEL TAPS CLASS: transformers computes from the folder that beitzoo writes what unilm and mmsegmentation computed.
    check() {
        bin/beitzoo convert "testdata/segmentation/$1.unilm.pth" --taps "$2" --to hf --wrapper "$3" -o "$folder/$1.$3/" --quiet
        "$VENV/bin/python" -W ignore dev/interop/segmentation.py "$3" "$folder/$1.$3" "testdata/segmentation/$1.unilm.float64.recording.safetensors"
    }
    # paddleseg MODEL TAPS: layers of Paddle by PaddleSeg's names compute from beitzoo's file what unilm and mmsegmentation computed, and what they save is the same.
    paddleseg() {
        file="$folder/$1.paddleseg" original="testdata/segmentation/$1.unilm"
        bin/beitzoo convert "$original.pth" --taps "$2" --to paddleseg -o "$file.pdparams" --quiet
        "$VENV/bin/python" -W ignore dev/interop/paddleseg.py "$file.pdparams" "$original.float64.recording.safetensors" "$2" -o "$file.saved.pdparams"
        bin/beitzoo diff "$file.pdparams" "$file.saved.pdparams" --taps "$2"
        bin/beitzoo convert "$file.saved.pdparams" --taps "$2" --to unilm -o "$file.pth" --quiet
        bin/beitzoo verify "$file.pth" --taps "$2" --recording "$original.float64.recording.safetensors" --engine native --quiet
    }
    if [ -z "${CASE:-}" ]; then
        check seg_p16_64 1,3,4,5 UperNetForSemanticSegmentation
        check seg_p16_48 1,2,3,4 UperNetForSemanticSegmentation
        check seg_p16_48 1,2,3,4 BeitForSemanticSegmentation
        paddleseg seg_p16_64 1,3,4,5
        paddleseg seg_p16_48 1,2,3,4
    fi
    "$VENV/bin/python" -W ignore dev/interop/segmenters.py --beitzoo bin/beitzoo --openmmlab "$VENV/openmmlab" --seed "${SEED:-0}" --drawn "${DRAWN:-20}" \
        ${CASE:+--case "$CASE"} "$@"
    ;;
*) echo "no such checks: $checks" >&2 && exit 2 ;;
esac
