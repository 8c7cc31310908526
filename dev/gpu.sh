#!/usr/bin/env bash
# Tests and measures the torch engine on the first CUDA device. Without one it says so and fails with 6: nothing was tested then.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
if ! nvidia-smi -L; then
    echo "test-gpu: no NVIDIA GPU answers on this machine, so nothing was tested" >&2
    exit 6
fi
# A machine with a GPU may have neither Go nor a network. PREBUILT is a folder with what `make gpu-programs` built elsewhere.
program=${PREBUILT:-bin}/beitzoo-torch
tests=${PREBUILT:-bin}/torch-cuda.test
[ -n "${PREBUILT:-}" ] || make gpu-programs
program=$(realpath "$program")
tests=$(realpath "$tests")
"$program" doctor
# TF32 is off unless this variable says otherwise; it is read when libtorch starts.
unset TORCH_ALLOW_TF32_CUBLAS_OVERRIDE
(cd beit/engine/torch && "$tests" -test.run CUDA -test.v)
# For the table in beit/engine/torch/choice.go.
(cd beit/engine/torch && "$tests" -test.run '^$' -test.bench AttentionOnCUDA -test.benchtime 20x)
(cd beit/engine/torch && "$tests" -test.run '^$' -test.bench TrainingOnCUDA -test.benchtime 10x)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
# verify CODE MODEL RECORDING [FLAG...]: the comparison on the GPU must exit with that code.
verify() {
    local want=$1 model=$2 recording=$3 got=0
    shift 3
    "$program" verify "$model" --engine torch --device cuda --recording "testdata/$recording.recording.safetensors" --quiet "$@" >"$folder/said" || got=$?
    if [ "$got" != "$want" ]; then
        cat "$folder/said"
        failed=1
    fi
    echo "verify $recording $*: exit code $got, want $want"
}
for name in beit_base_p16_224 beit_base_p16_384 beit_large_p16_224 beit_large_p16_384 beit_large_p16_512; do
    "$program" synth "$name" --seed 0 -o "$folder/$name.safetensors" --no-sync
    for source in passl timm; do
        verify 0 "$folder/$name.safetensors" "full/$name.$source.float32"
    done
done
for size in 32 64; do
    verify 0 "testdata/tiny/tiny_p16_$size.unilm.pth" "tiny/tiny_p16_$size.timm.bfloat16" --dtype bf16
    verify 0 "testdata/tiny/tiny_p16_$size.unilm.pth" "tiny/tiny_p16_$size.timm.float16" --dtype f16
done
for part in encoder decoder; do
    verify 0 "testdata/tokenizer/digits_dvae.$part.pkl" "tokenizer/digits_dvae_$part.stages.float64"
    for dtype in bf16 f16; do
        verify 0 "testdata/tokenizer/digits_dvae.$part.pkl" "tokenizer/digits_dvae_$part.stages.float64" --dtype $dtype
    done
done
verify 0 testdata/tokenizer/vqkd_p16_64.unilm.pth tokenizer/vqkd_p16_64.unilm.float32
for dtype in f64 f32 bf16 f16; do
    verify 0 testdata/segmentation/seg_p16_64.unilm.pth segmentation/seg_p16_64.unilm.float64 --taps 1,3,4,5 --dtype $dtype
done
# TF32 keeps 10 bits of the mantissa: that is more than rounding of float32, and verify has to notice.
TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1 verify 1 "$folder/beit_base_p16_224.safetensors" full/beit_base_p16_224.timm.float32

for name in beit_base_p16_224 beit_large_p16_512; do
    echo "$name, TF32 off:"
    "$program" bench "$folder/$name.safetensors" --engine torch --device cuda --dtype f32,bf16,f16 --batch 1,8,32
    echo "$name, TF32 on:"
    TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1 "$program" bench "$folder/$name.safetensors" --engine torch --device cuda --dtype f32 --batch 1,8,32
done
"$program" bench beit_base_p16_640_ade20k --synth --engine torch --device cuda --dtype f32,bf16,f16 --batch 1,4
exit $failed
