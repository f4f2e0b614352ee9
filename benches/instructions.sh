#!/usr/bin/env bash
# Whether a program has AVX-512 or AMX instructions outside of functions that are called only where
# the processor has them: benches/instructions.sh target/release/flowinone
set -euo pipefail
# Kernels of this workspace, of macerator (Burn's vectors) and of crc32fast, and what a build
# without inlining calls from there.
guarded='flowinone_kernels::cpu::(simd::avx512|gemm::microkernel::(avx512|amx))|macerator::backend::x86::v4|core_arch::x86::avx512|calculate_avx512'
found=$(objdump -d --no-show-raw-insn -C "$1" | awk '
    /^[0-9a-f]+ <.*>:$/ { name = $0; sub(/^[0-9a-f]+ </, "", name); sub(/>:$/, "", name) }
    /%[zt]mm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])/ { count[name]++ }
    END { for (name in count) print count[name], name }')
test -n "$found" || { echo "no such instruction in $1: nothing was checked" >&2; exit 1; }
if grep -vE "$guarded" <<< "$found"; then
    echo "AVX-512 or AMX instructions in functions that every processor runs" >&2
    exit 1
fi
echo "AVX-512 and AMX instructions in $(wc -l <<< "$found") functions, all of them guarded"
