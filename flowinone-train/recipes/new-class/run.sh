#!/usr/bin/env bash
# Fine-tunes the mini model on ten pictures of one new class, or with `lora` trains an adapter on
# them, and prints scores of the new class and of the old ones, before and after:
#   run.sh [CLASS [lora]]
# Run it from the root of the repository. FLOWINONE names the program.
set -euo pipefail
class=${1:-umbrella}
how=${2:-run}
folder=models/new-class recipe=flowinone-train/recipes/new-class
source flowinone-train/recipes/mini/common.sh
pairs=(
    --side 256 --tasks class-to-image --holdout templates,word-order
    --variety '{"objects":1,"letterings":["serif-bold"],"text_scale":1.7,"text_moves":false,"patterns":false,"rotations":false,"language":"natural","free":true}'
)

rm -rf "$folder"
mkdir -p "$folder/model"
cp flowinone-mini/model/* flowinone-mini/flow/model/* "$folder/model"
# Pairs are made of six classes or more; of those, only the new class's are kept.
kept() { # FOLDER SEED MADE KEPT
    local all=$1.all name
    "${flowinone[@]}" data make "${icons[@]}" "${pairs[@]}" --classes "$class,apple,cat,house,key,star" --seed "$2" --count "$3" --format folder -o "$all"
    for part in input output truth; do mkdir -p "$1/$part"; done
    for name in $(cd "$all/truth" && grep -l "\"$class\"" *.json | head -n "$4"); do
        for part in input output truth; do cp "$all/$part/${name%.json}".* "$1/$part"; done
    done
}
kept "$folder/pairs" 1 100 10
kept "$folder/truth/new" 2026 400 64
"${flowinone[@]}" data make "${icons[@]}" "${pairs[@]}" --classes "$classes" --seed 2026 --count 384 --format folder -o "$folder/truth/old"
sed "s/umbrella/$class/" "$recipe/$how.toml" > "$folder/run.toml"
"${flowinone[@]}" train --config "$folder/run.toml"
scores() { # NAME OPTIONS...
    local when=$1 name
    shift
    for name in new old; do
        echo "== $when, $name"
        results=$folder/results/$when/$name
        "${flowinone[@]}" generate "$@" --input "$folder/truth/$name/input" --task class-to-image --output "$results" --batch-size 16 > /dev/null
        "${flowinone[@]}" score "$results" --truth "$folder/truth/$name" "${icons[@]}" --classes "$classes,$class" --sheet "$folder/$when-$name.png" --list 0
    done
}
scores before --model "$folder/model"
case $how in
    run) scores after --model "$folder/run/model" ;;
    lora) scores after --model "$folder/model" --lora "$folder/adapter-run/adapter" ;;
esac
