#!/usr/bin/env bash
# A model directory for pictures of 256 x 256, from which fine.toml goes on: the autoencoder of
# start-256 beside the vision tower and the flow that are built in. Run it from the root of the
# repository.
set -euo pipefail
recipes=flowinone-train/recipes/mini
target=${1:-models/mini/start-256}
mkdir -p "$target"
cp "$recipes"/start-256/* flowinone-mini/model/encoder.safetensors flowinone-mini/flow/model/flow.safetensors "$target"
