#!/usr/bin/env bash
# Draws the pictures of docs/src/visual-prompts.md: runs every prompt command that the chapter
# shows, as it is shown, with --prompt-only. Takes the program to run; `cargo run` by default.
set -euo pipefail
cd "$(dirname "$0")/src/figures/prompts"

program=${1:-}
if [ -z "$program" ]; then
    cargo build -q -p flowinone-cli
    program=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/flowinone
fi

flowinone() {
    case " $* " in
        *" --prompt-only "*) "$program" "$@" ;;
        *) "$program" "$@" --prompt-only ;;
    esac
}

# Lines of the chapter's shell blocks, with continued ones joined.
sed -n '/^```sh$/,/^```$/p' ../../visual-prompts.md |
    sed -e ':a' -e '/\\$/N; s/\\\n *//; ta' |
    grep -E '^flowinone (text|class|edit|box|mark|doodle|force|trajectory) ' |
    while IFS= read -r command; do
        eval "$command"
    done
