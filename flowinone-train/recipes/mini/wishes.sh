#!/usr/bin/env bash
# What a mini model makes of what people type: 40 wishes a task in sentence forms that no model is
# trained on, by the rules of a wish:
#   wishes.sh MODEL FOLDER [generate options]
# FLOWINONE names the program; COUNT and SEED choose other wishes.
set -euo pipefail
model=$1 folder=$2
shift 2
source "$(dirname "$0")/common.sh"
icons+=(--classes "${CLASSES:-$classes}")
pairs=(
    --seed "${SEED:-2026}" --side 256 --split templates --holdout templates,word-order
    --variety '{"objects":2,"letterings":["serif-bold"],"text_scale":1.7,"text_moves":false,"patterns":false,"rotations":false,"edits":["remove","replace","recolour","ground"],"marked":["remove","replace","recolour"],"captions":["tinted","one","beside","above"],"language":"natural","free":true,"by_hand":true}'
)
mkdir -p "$folder"
for task in class-to-image text-to-image text-in-image text-box visual-marker doodle force trajectory; do
    truth=$folder/truth/$task results=$folder/results/$task
    [ -d "$truth" ] || "${flowinone[@]}" data make "${icons[@]}" "${pairs[@]}" --tasks "$task" --count "${COUNT:-40}" --format folder -o "$truth" > /dev/null
    "${flowinone[@]}" generate --model "$model" --input "$truth/input" --task "$task" --output "$results" --batch-size 8 --overwrite "$@" > /dev/null
    "${flowinone[@]}" score "$results" --truth "$truth" "${icons[@]}" --rules walk-in --json "$folder/$task.json" --sheet "$folder/$task.png" --each 8 --list 0 | grep "^$task"
done
