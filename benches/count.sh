#!/usr/bin/env bash
# Instructions of one call of each of the hottest kernels, on one thread and with AVX2, the most
# that callgrind knows: the difference of four calls and two, halved. Repeatable where seconds are
# not: benches/count.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build -q -p flowinone-kernels --features cpu,autodiff --example kernel
program=${CARGO_TARGET_DIR:-target}/debug/examples/kernel
count() {
    RAYON_NUM_THREADS=1 FLOWINONE_CPU=avx2 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$program" "$1" "$2" 2>&1 | awk '/Collected/ { print $NF }'
}
for kernel in linear linear_int8 convolution attention geglu; do
    printf '| %s | %s |\n' "$kernel" "$((($(count "$kernel" 4) - $(count "$kernel" 2)) / 2))"
done
