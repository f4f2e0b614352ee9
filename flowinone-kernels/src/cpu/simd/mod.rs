//! Vectors of float32 of whatever width a processor has.
//!
//! A value of a type that implements [`Simd`] is the proof that its instructions may be used:
//! only `run` of each module makes one, after the processor has been asked.

use std::mem::MaybeUninit;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod detect;
pub(crate) mod level;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

/// A number that may not have been written yet.
pub(crate) type Slot = MaybeUninit<f32>;

/// The widest vector of any level.
pub(crate) const WIDEST: usize = 16;

/// Arithmetic on vectors of `WIDTH` values.
pub(crate) trait Simd: Copy + Send + Sync {
    /// One vector.
    type Float: Copy;

    /// As many integers of 32 bits, or twice as many of 16.
    type Int: Copy;

    /// Values in a vector, at most [`WIDEST`].
    const WIDTH: usize;

    /// Rows of a tile of a matrix product, each of two vectors: as many as fit the registers.
    const TILE_ROWS: usize;

    /// Runs a kernel compiled with the same instructions, as a call of its own: for what would
    /// otherwise be compiled into many places.
    fn call<K: Kernel>(self, kernel: K) -> K::Output;

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::Float;

    /// Reads `WIDTH` values.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load_from(self, source: *const f32) -> Self::Float;

    /// Writes `WIDTH` values.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store_to(self, x: Self::Float, target: *mut f32);

    /// Fetches the line of these values into the first cache, if they are in memory at all.
    fn prefetch(self, values: *const f32);

    /// Turns rows into columns: four values of each of the first `WIDTH` rows, the k-th values
    /// in the k-th vector.
    ///
    /// # Safety
    /// Four values of each row must be readable.
    unsafe fn four_columns(self, rows: &[*const f32; WIDEST]) -> [Self::Float; 4];

    /// Writes the values of each of the first `WIDTH` lanes side by side: those of four vectors,
    /// turned.
    #[inline(always)]
    fn store_by_fours(self, four: [Self::Float; 4], target: &mut [[Slot; 4]; WIDEST]) {
        let mut lanes = [[Slot::new(0.0); WIDEST]; 4];
        for (x, lanes) in four.into_iter().zip(&mut lanes) {
            self.store(x, lanes);
        }
        for (index, target) in target.iter_mut().enumerate().take(Self::WIDTH) {
            for (lanes, target) in lanes.iter().zip(target) {
                *target = lanes[index];
            }
        }
    }

    /// The sum.
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float;

    /// The difference.
    fn sub(self, a: Self::Float, b: Self::Float) -> Self::Float;

    /// The product.
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float;

    /// The quotient, correctly rounded.
    fn div(self, a: Self::Float, b: Self::Float) -> Self::Float;

    /// `a * b + c`, rounded once where the level can.
    fn fma(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float;

    /// The larger one, or `b` if either is NaN.
    fn max(self, a: Self::Float, b: Self::Float) -> Self::Float;

    /// The smaller one, or `b` if either is NaN.
    fn min(self, a: Self::Float, b: Self::Float) -> Self::Float;

    /// The nearest integer.
    fn round(self, x: Self::Float) -> Self::Float;

    /// The magnitude.
    fn abs(self, x: Self::Float) -> Self::Float;

    /// `x` with the lower half of its significand cleared: its square is exact.
    fn upper_half(self, x: Self::Float) -> Self::Float;

    /// `2^n` for integers `-127 <= n <= 128`, the lowest giving 0 and the highest infinity.
    fn exp2_integer(self, n: Self::Float) -> Self::Float;

    /// `negative` where `x < 0`, else `other`.
    fn where_negative(
        self,
        x: Self::Float,
        negative: Self::Float,
        other: Self::Float,
    ) -> Self::Float;

    /// The sum of all lanes.
    fn sum(self, x: Self::Float) -> f32;

    /// The largest lane.
    fn largest(self, x: Self::Float) -> f32;

    /// `x` in every lane.
    fn splat_int(self, x: i32) -> Self::Int;

    /// Reads `WIDTH` integers.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load_int(self, source: *const i32) -> Self::Int;

    /// `sum` and, in each lane, the products of both its lower and both its upper 16 bits, exact up
    /// to 32 bits.
    fn dot_halves(self, sum: Self::Int, a: Self::Int, b: Self::Int) -> Self::Int;

    /// The nearest values.
    fn float_of(self, x: Self::Int) -> Self::Float;

    /// Reads the first `WIDTH` values of a slice.
    #[inline(always)]
    fn load(self, source: &[f32]) -> Self::Float {
        assert!(source.len() >= Self::WIDTH);
        // SAFETY: the slice is long enough.
        unsafe { self.load_from(source.as_ptr()) }
    }

    /// Writes the first `WIDTH` values of a slice.
    #[inline(always)]
    fn store(self, x: Self::Float, target: &mut [Slot]) {
        assert!(target.len() >= Self::WIDTH);
        // SAFETY: the slice is long enough.
        unsafe { self.store_to(x, target.as_mut_ptr().cast()) }
    }

    /// Reads a slice shorter than a vector, `fill` in the lanes behind it.
    #[inline(always)]
    fn load_short(self, source: &[f32], fill: f32) -> Self::Float {
        let mut padded = [fill; WIDEST];
        padded[..source.len()].copy_from_slice(source);
        self.load(&padded)
    }

    /// Fills a slice shorter than a vector.
    #[inline(always)]
    fn store_short(self, x: Self::Float, target: &mut [Slot]) {
        let mut padded = [Slot::new(0.0); WIDEST];
        self.store(x, &mut padded);
        target.copy_from_slice(&padded[..target.len()]);
    }

    /// Reads the vector that begins at `start`, or what is left of the slice there.
    #[inline(always)]
    fn load_at(self, source: &[f32], start: usize, fill: f32) -> Self::Float {
        if start + Self::WIDTH <= source.len() {
            // SAFETY: the slice reaches that far.
            unsafe { self.load_from(source.as_ptr().add(start)) }
        } else {
            self.load_short(&source[start..], fill)
        }
    }

    /// Writes the vector that begins at `start`, or as much of it as the slice has room for.
    #[inline(always)]
    fn store_at(self, x: Self::Float, target: &mut [Slot], start: usize) {
        if start + Self::WIDTH <= target.len() {
            // SAFETY: the slice reaches that far.
            unsafe { self.store_to(x, target.as_mut_ptr().add(start).cast()) }
        } else {
            self.store_short(x, &mut target[start..]);
        }
    }
}

/// A computation written for vectors of any width.
///
/// `run` must be `#[inline(always)]`, and so must every generic function below it: only what is
/// inlined into the function that enables the instructions is compiled with them.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// The computation.
    fn run<V: Simd>(self, simd: V) -> Self::Output;
}

/// Values that may be overwritten.
#[inline(always)]
pub(crate) fn slots<T: Copy>(values: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same layout, and this crate only ever writes values to slots.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
}
