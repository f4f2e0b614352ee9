#!/usr/bin/env bash
# What fewer evaluations cost a mini model without any training, on 200 held-out pairs of each task:
#   evaluations.sh MODEL FOLDER
# prints one line of shares in per cent for each solver and number of steps, 50 of Euler first.
# FLOWINONE names the program.
set -euo pipefail
model=$1 folder=$2
recipes=$(dirname "$0")
line() {
    local solver=$1 steps=$2 shares=()
    local scores=$folder/$solver-$steps
    mkdir -p "$scores"
    [ -d "$scores/truth" ] || ln -s ../truth "$scores/truth"
    "$recipes/score.sh" "$model" "$scores" --solver "$solver" --steps "$steps" --grid uniform --no-upscale > "$scores/log" 2>&1
    for task in class-to-image text-to-image text-in-image text-box visual-marker doodle force trajectory; do
        shares+=("$(python3 -c 'import json, sys; print(100 * json.load(open(sys.argv[1]))["summary"]["all"]["passed"])' "$scores/$task.json")")
    done
    python3 -c 'import sys; name, *shares = sys.argv[1:]; shares = [float(s) for s in shares]
print("|", " | ".join([name, *(f"{s:.1f}" for s in shares), f"{sum(shares) / 8:.2f}"]), "|")' "$steps x $solver" "${shares[@]}"
}
mkdir -p "$folder/truth"
line euler 50
line euler 10
for steps in 1 2 3 4 5; do line euler "$steps"; done
for steps in 2 3 4 5; do line ab2 "$steps"; done
for steps in 3 4 5; do line ab3 "$steps"; done
