#!/usr/bin/env bash
# From the packages of icons to the weights of the mini model. Every stage resumes where it was
# stopped; run it from the root of the repository. Needs npm and Rust.
set -euo pipefail
recipes=flowinone-train/recipes/mini
icons=models/icons/fluent-emoji-flat.json

if [ ! -f "$icons" ]; then
    mkdir -p models/icons
    package=$(npm pack --silent --pack-destination models/icons @iconify-json/fluent-emoji-flat@1.2.6)
    tar -xOf "models/icons/$package" package/icons.json > "$icons.part"
    mv "$icons.part" "$icons"
fi

# Networks this small do not keep more threads busy, each with its half of every batch; the data is
# made on another.
export RAYON_NUM_THREADS=${RAYON_NUM_THREADS:-2}
flowinone() { cargo run --quiet --release -p flowinone-cli -- "$@"; }
flowinone train-vae --config "$recipes/vae.toml"
flowinone train-vae --config "$recipes/decoder.toml" --devices 0,0
flowinone train --config "$recipes/tower.toml" --devices 0,0
flowinone train --config "$recipes/source.toml" --devices 0,0
flowinone train --config "$recipes/flow.toml" --devices 0,0
flowinone train --config "$recipes/wider.toml" --devices 0,0
rm -rf models/mini/shipped
flowinone train --config "$recipes/wider.toml" --export models/mini/shipped --dtype f16
"$recipes/score.sh" models/mini/shipped models/mini/scores
echo "the model is models/mini/shipped; to build it in, copy its files to flowinone-mini/model and flowinone-mini/flow/model"
