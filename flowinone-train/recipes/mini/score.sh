#!/usr/bin/env bash
# Scores of a mini model on 200 held-out simple pairs of each task, the former model's exam:
#   score.sh MODEL FOLDER [generate options]
# FLOWINONE names the program, CLASSES other classes with commas between them, COUNT how many pairs.
set -euo pipefail
model=$1 folder=$2
shift 2
source "$(dirname "$0")/common.sh"
icons+=(--classes "${CLASSES:-$former_classes}")
pairs=(
    --seed 2026 --side 256 --split validation
    --variety '{"objects":1,"templates":1,"letterings":["serif-bold"],"text_scale":1.7,"text_moves":false,"patterns":false,"rotations":false,"edits":["remove","replace","recolour","ground"],"marked":["remove","replace","recolour"],"captions":["tinted","one"]}'
)
mkdir -p "$folder"
for task in class-to-image text-to-image text-in-image text-box visual-marker doodle force trajectory; do
    truth=$folder/truth/$task results=$folder/results/$task
    [ -d "$truth" ] || "${flowinone[@]}" data make "${icons[@]}" "${pairs[@]}" --tasks "$task" --count "${COUNT:-200}" --format folder -o "$truth"
    "${flowinone[@]}" generate --model "$model" --input "$truth/input" --task "$task" --output "$results" --batch-size 16 --overwrite "$@"
    for baseline in input target; do
        "${flowinone[@]}" score --baseline "$baseline" --truth "$truth" "${icons[@]}" --json "$folder/$task.$baseline.json" --list 0 > /dev/null
    done
    "${flowinone[@]}" score "$results" --truth "$truth" "${icons[@]}" --json "$folder/$task.json" --sheet "$folder/$task.png" --each 8 --list 0
done
