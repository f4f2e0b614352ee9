//! Pairs of bfloat16 with AVX512-BF16: their products, summed in float32, and float32 rounded to
//! them.

use std::arch::x86_64::{
    __m512bh, __m512i, __mmask16, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mask_storeu_epi32, _mm512_maskz_loadu_ps, _mm512_permutexvar_epi16,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_shuffle_i32x4, _mm512_storeu_ps,
    _mm512_storeu_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};
use std::mem::{MaybeUninit, transmute};

use crate::cpu::gemm::layout::{Columns, MR, NR, Pair, Target, in_tiles};
use crate::cpu::simd::detect;

/// A token: the processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512Bf16(());

impl Avx512Bf16 {
    /// The token, if the processor has them.
    pub(crate) fn find() -> Option<Self> {
        detect::avx512_bf16().then_some(Self(()))
    }

    /// The product of up to 12 rows of pairs and 32 columns of them.
    ///
    /// # Safety
    /// The factors must be readable in all their steps, the left one in the target's rows, the
    /// target writable in its rows of 32 values, and written before if it is added to.
    pub(crate) unsafe fn multiply(self, factors: Factors, steps: usize, target: Target) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { multiply(factors, steps, target) };
    }

    /// A row as pairs, each of two values that follow each other; subnormal ones become zero, as
    /// the products take them.
    ///
    /// # Panics
    /// If there is not one slot for every two values.
    pub(crate) fn pair_row(self, row: &[f32], slots: &mut [MaybeUninit<Pair>]) {
        assert_eq!(slots.len(), row.len().div_ceil(2));
        // SAFETY: `self` is the proof; there are as many slots.
        unsafe { pair_row(row, slots) };
    }

    /// Columns of a matrix as a panel `[K / 2, N]` of pairs, each of two values that follow each
    /// other in a column, and zeros in the slots behind the last column; subnormal values become
    /// zero, as the products take them.
    ///
    /// # Panics
    /// If the columns or the slots end too early.
    pub(crate) fn pair_columns<const N: usize>(
        self,
        columns: Columns<'_>,
        slots: &mut [MaybeUninit<Pair>],
    ) {
        columns.check();
        assert!(columns.count <= N && slots.len() == columns.k.div_ceil(2) * N);
        // SAFETY: `self` is the proof; the values and slots are there.
        unsafe { pair_columns::<N>(columns, slots) };
    }

    /// Up to 16 columns of a matrix as rows of pairs, each of two values that follow each other,
    /// from a row to the next `stride` slots; zeros in the slots behind the last pair and in rows
    /// behind the last one. Subnormal values become zero, as the products take them.
    ///
    /// # Panics
    /// If the columns or the slots end too early.
    pub(crate) fn pair_lines(
        self,
        columns: Columns<'_>,
        slots: &mut [MaybeUninit<Pair>],
        stride: usize,
    ) {
        columns.check();
        assert!(columns.count <= 16 && slots.len() == 16 * stride);
        assert!(stride.is_multiple_of(16) && columns.k.div_ceil(2) <= stride);
        // SAFETY: `self` is the proof; the values and slots are there.
        unsafe { pair_lines(columns, slots, stride) };
    }

    /// Sums over all offsets of weights, 12 for each, times vectors of 16 pixels, of pairs of
    /// channels; the first `ROWS` of the 12 by `VECTORS` vectors.
    ///
    /// # Safety
    /// Weights and pixels must be readable.
    pub(crate) unsafe fn convolve<const ROWS: usize, const VECTORS: usize>(
        self,
        weight: *const Pair,
        offsets: &[usize],
        x: [*const Pair; VECTORS],
        sums: &mut [[f32; NR]; MR],
    ) {
        // SAFETY: `self` is the proof; the rest is the caller's.
        unsafe { convolve::<ROWS, VECTORS>(weight, offsets, x, sums) };
    }
}

/// Two rows of columns as pairs, from `start` on those of the mask; zeros behind the last row.
///
/// # Safety
/// The values of the mask must be there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pairs_of_rows(
    columns: Columns<'_>,
    step: usize,
    start: usize,
    there: __mmask16,
) -> __m512i {
    // Number `k` of the lower half, then of the upper half.
    const TURNS: [u16; 32] = {
        let mut turns = [0; 32];
        let mut at = 0;
        while at < 32 {
            turns[at] = (at / 2 + at % 2 * 16) as u16;
            at += 1;
        }
        turns
    };
    let load = |row: usize| match row < columns.k {
        // SAFETY: the caller's; values behind the mask are not read.
        true => unsafe {
            let at = columns
                .values
                .as_ptr()
                .wrapping_add(row * columns.stride + start);
            _mm512_maskz_loadu_ps(there, at)
        },
        false => _mm512_setzero_ps(),
    };
    // The upper half of a vector is its first argument.
    let apart = _mm512_cvtne2ps_pbh(load(2 * step + 1), load(2 * step));
    // SAFETY: all are 64 bytes.
    unsafe {
        let turns = _mm512_loadu_si512(TURNS.as_ptr().cast());
        _mm512_permutexvar_epi16(turns, transmute::<__m512bh, __m512i>(apart))
    }
}

/// Where pairs of two factors lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    /// The first pair of the first row.
    pub(crate) a: *const Pair,
    /// From a row to the next.
    pub(crate) a_row: usize,
    /// From a step to the next.
    pub(crate) a_step: usize,
    /// A panel of 32 columns.
    pub(crate) b: *const Pair,
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn multiply(factors: Factors, steps: usize, target: Target) {
    in_tiles!(target.rows, MR, |row, ROWS| {
        // SAFETY: the caller's, for rows that exist.
        unsafe {
            let a = factors.a.add(row * factors.a_row);
            let start = target.start.add(row * target.row);
            let factors = Factors { a, ..factors };
            tile::<ROWS>(factors, steps, Target { start, ..target });
        }
    });
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn tile<const ROWS: usize>(factors: Factors, steps: usize, target: Target) {
    let Factors {
        a,
        a_row,
        a_step,
        mut b,
    } = factors;
    let mut a = a.cast::<i32>();
    // SAFETY: the caller vouches for both panels and the target.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        if target.add {
            for (row, sums) in sums.iter_mut().enumerate() {
                let c = target.start.add(row * target.row);
                *sums = [_mm512_loadu_ps(c), _mm512_loadu_ps(c.add(16))];
            }
        }
        for _ in 0..steps {
            let right = [
                pairs(_mm512_loadu_si512(b.cast())),
                pairs(_mm512_loadu_si512(b.add(16).cast())),
            ];
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = pairs(_mm512_set1_epi32(*a.add(row * a_row)));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbf16_ps(*sum, left, right);
                }
            }
            a = a.wrapping_add(a_step);
            b = b.wrapping_add(NR);
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let c = target.start.add(row * target.row);
            _mm512_storeu_ps(c, sums[0]);
            _mm512_storeu_ps(c.add(16), sums[1]);
        }
    }
}

/// # Safety
/// There must be a slot for every two values.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pair_row(row: &[f32], slots: &mut [MaybeUninit<Pair>]) {
    for (values, slots) in row.chunks(32).zip(slots.chunks_mut(16)) {
        let count = values.len();
        // SAFETY: the values and slots of the masks are there; all vectors are 64 bytes.
        unsafe {
            let low = _mm512_maskz_loadu_ps(mask(count), values.as_ptr());
            let high = values.as_ptr().wrapping_add(16);
            let high = _mm512_maskz_loadu_ps(mask(count.saturating_sub(16)), high);
            // The upper half of a vector is its first argument.
            let pairs = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low));
            match slots.len() {
                16 => _mm512_storeu_si512(slots.as_mut_ptr().cast(), pairs),
                left => store(slots.as_mut_ptr(), mask(left), pairs),
            }
        }
    }
}

/// # Safety
/// `k` rows of `count` values, at most `N`, must be there, and as many slots as they take.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pair_columns<const N: usize>(columns: Columns<'_>, slots: &mut [MaybeUninit<Pair>]) {
    for step in 0..columns.k.div_ceil(2) {
        for start in (0..N).step_by(16) {
            let there = mask(columns.count.saturating_sub(start));
            // SAFETY: the caller's.
            let pairs = unsafe { pairs_of_rows(columns, step, start, there) };
            let at = step * N + start;
            // SAFETY: 16 slots are left, or as many as the mask has. What reaches over the end of a
            // step is overwritten by the next one.
            unsafe {
                let target = slots.as_mut_ptr().add(at);
                match slots.len() - at {
                    0..16 => store(target, mask(slots.len() - at), pairs),
                    _ => _mm512_storeu_si512(target.cast(), pairs),
                }
            }
        }
    }
}

/// # Safety
/// `k` rows of `count` values, at most 16, must be there, and 16 rows of `stride` slots, a whole
/// number of vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pair_lines(columns: Columns<'_>, slots: &mut [MaybeUninit<Pair>], stride: usize) {
    let there = mask(columns.count);
    for first in (0..stride).step_by(16) {
        // SAFETY: the caller's; rows behind the depth are zeros.
        let turned = unsafe {
            let pairs = std::array::from_fn(|step| pairs_of_rows(columns, first + step, 0, there));
            transposed(pairs)
        };
        for (row, pairs) in turned.into_iter().enumerate() {
            let slots = &mut slots[row * stride + first..][..16];
            // SAFETY: 16 slots.
            unsafe { _mm512_storeu_si512(slots.as_mut_ptr().cast(), pairs) };
        }
    }
}

/// Rows become columns.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512i; 16]) -> [__m512i; 16] {
    // Four rows at a time: vector `k` holds columns `k`, `4 + k`, `8 + k` and `12 + k` of them.
    let fours: [[__m512i; 4]; 4] = std::array::from_fn(|group| {
        let [a, b, c, d] = std::array::from_fn(|row| rows[4 * group + row]);
        let (low, high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (next_low, next_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        [
            _mm512_unpacklo_epi64(low, next_low),
            _mm512_unpackhi_epi64(low, next_low),
            _mm512_unpacklo_epi64(high, next_high),
            _mm512_unpackhi_epi64(high, next_high),
        ]
    });
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let mut columns = rows;
    for k in 0..4 {
        let [a, b, c, d] = fours.map(|four| four[k]);
        let (even, next_even) = (
            _mm512_shuffle_i32x4::<EVEN>(a, b),
            _mm512_shuffle_i32x4::<EVEN>(c, d),
        );
        let (odd, next_odd) = (
            _mm512_shuffle_i32x4::<ODD>(a, b),
            _mm512_shuffle_i32x4::<ODD>(c, d),
        );
        columns[k] = _mm512_shuffle_i32x4::<EVEN>(even, next_even);
        columns[4 + k] = _mm512_shuffle_i32x4::<EVEN>(odd, next_odd);
        columns[8 + k] = _mm512_shuffle_i32x4::<ODD>(even, next_even);
        columns[12 + k] = _mm512_shuffle_i32x4::<ODD>(odd, next_odd);
    }
    columns
}

/// # Safety
/// The slots of the mask must be there.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store(slots: *mut MaybeUninit<Pair>, mask: __mmask16, pairs: __m512i) {
    // SAFETY: the caller's.
    unsafe { _mm512_mask_storeu_epi32(slots.cast(), mask, pairs) };
}

/// The first `count` of 16.
#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    match count {
        0..16 => (1 << count) - 1,
        _ => !0,
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn convolve<const ROWS: usize, const VECTORS: usize>(
    weight: *const Pair,
    offsets: &[usize],
    x: [*const Pair; VECTORS],
    target: &mut [[f32; NR]; MR],
) {
    let mut weight = weight.cast::<i32>();
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    // SAFETY: the caller vouches for weights and pixels; a row of the target has two vectors.
    unsafe {
        for offset in offsets {
            let right = x.map(|x| pairs(_mm512_loadu_si512(x.add(*offset).cast())));
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = pairs(_mm512_set1_epi32(*weight.add(row)));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbf16_ps(*sum, left, right);
                }
            }
            weight = weight.wrapping_add(MR);
        }
        for (sums, target) in sums.into_iter().zip(target) {
            for (index, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(target[16 * index..][..16].as_mut_ptr(), sum);
            }
        }
    }
}

/// A vector of 16 pairs, as the instruction takes it.
#[inline(always)]
fn pairs(x: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes, and any of them make values.
    unsafe { transmute(x) }
}
