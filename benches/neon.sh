#!/usr/bin/env bash
# The kernels' tests as ARM's processors run them, under qemu: for right numbers, not for speed. It
# takes longer than the continuous integration may, so it stands outside of it.
#
#   apt-get install qemu-user gcc-aarch64-linux-gnu && rustup target add aarch64-unknown-linux-gnu
#   && benches/neon.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# Advanced SIMD alone; dot products of bytes; and blocks of bytes and of bfloat16.
for cpu in cortex-a72 neoverse-n1 max; do
    echo "== $cpu"
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -cpu $cpu -L /usr/aarch64-linux-gnu" \
        cargo test -p flowinone-kernels --features cpu,autodiff --target aarch64-unknown-linux-gnu --lib
done
