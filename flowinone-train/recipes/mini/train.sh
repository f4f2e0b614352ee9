#!/usr/bin/env bash
# From the packages of icons to the weights of a mini model, some thirty hours on two cores. Every
# stage resumes where it was stopped; run it from the root of the repository. Needs npm and Rust.
set -euo pipefail
recipes=flowinone-train/recipes/mini
source "$recipes/common.sh"

# Networks this small do not keep more threads busy, each with its half of every batch; the data is
# made on another.
export RAYON_NUM_THREADS=${RAYON_NUM_THREADS:-2}
"${flowinone[@]}" train-vae --config "$recipes/vae.toml" --devices 0,0
for stage in reading-words reading-sentences draw say natural redraw; do
    "${flowinone[@]}" train --config "$recipes/$stage.toml" --devices 0,0
done
"${flowinone[@]}" train-vae --config "$recipes/compositor.toml" --devices 0,0
rm -rf models/mini/shipped
"${flowinone[@]}" train-vae --config "$recipes/compositor.toml" --export models/mini/shipped --dtype f16
"${flowinone[@]}" train-upscale --config "$recipes/upscale.toml" --devices 0,0
rm -f models/mini/mini-x4.safetensors
"${flowinone[@]}" train-upscale --config "$recipes/upscale.toml" --export models/mini/mini-x4.safetensors --half
"$recipes/wishes.sh" models/mini/shipped models/mini/wishes --upscale --upscale-model models/mini/mini-x4.safetensors
echo "the model is models/mini/shipped; to build it in, copy its files to flowinone-mini/model and flowinone-mini/flow/model, and mini-x4.safetensors to flowinone-mini/upscale/model"
