#!/usr/bin/env bash
# The archive of a release: program, licences, manual pages, completions.
#   archive.sh TARGET
set -euo pipefail
target=$1
built=target/$target/release
program=$built/flowinone
[ -f "$program" ] || program=$program.exe
version=$("$program" --version | cut -d ' ' -f 2 | tr -d '\r')
name=flowinone-$version-$target
rm -rf "dist/$name"
mkdir -p "dist/$name/completions"
cp "$program" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT NOTICE "dist/$name"
"$program" man --output "dist/$name/man" > /dev/null
for shell in bash elvish fish powershell zsh; do
    "$program" completions "$shell" > "dist/$name/completions/flowinone.$shell"
done
cd dist
case $target in
    *windows*) 7z a -bso0 "$name.zip" "$name" ;;
    *) tar -czf "$name.tar.gz" "$name" ;;
esac
rm -r "$name"
echo "dist/$name"
