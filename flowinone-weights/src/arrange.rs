//! From stored to held: element type and order of a tensor's values, in one parallel pass.
//!
//! A linear weight stored as `[out, in]` becomes `[in, out]`: tiles of 32 by 32 values keep both
//! sides in cache.

use burn::tensor::{DType, Element, FloatDType, TensorData};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::Layout;

const TILE: usize = 32;

/// Why a tensor cannot fill its parameter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It does not hold floating-point numbers.
    NotFloat(DType),
    /// That many values are NaN, infinite, or too large for the element type asked for.
    NotFinite(usize),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFloat(dtype) => {
                write!(f, "holds {dtype:?} where floating-point numbers belong")
            }
            Self::NotFinite(count) => write!(
                f,
                "holds {count} values that are not finite in the element type asked for; the file is damaged, or needs a wider type (f32 or bf16)"
            ),
        }
    }
}

/// Brings `data`, whose published shape is that of the parameter (transposed for
/// [`Layout::Transposed`]), into the parameter's `shape` and `dtype`.
pub(crate) fn arrange(
    data: TensorData,
    shape: &[usize],
    layout: Layout,
    dtype: FloatDType,
) -> Result<TensorData, Unfit> {
    match dtype {
        FloatDType::F64 => from_any::<f64>(data, shape, layout),
        FloatDType::F32 | FloatDType::Flex32 => from_any::<f32>(data, shape, layout),
        FloatDType::F16 => from_any::<f16>(data, shape, layout),
        FloatDType::BF16 => from_any::<bf16>(data, shape, layout),
    }
}

/// The same for data that comes in pieces one after the other, in the parameter's own layout: no
/// more than one piece is held in addition to the result.
///
/// # Errors
/// The first piece that is an error; inside, why the pieces do not fit.
pub(crate) fn joined<E>(
    pieces: impl Iterator<Item = Result<TensorData, E>>,
    shape: &[usize],
    dtype: FloatDType,
) -> Result<Result<TensorData, Unfit>, E> {
    match dtype {
        FloatDType::F64 => joined_as::<f64, E>(pieces, shape),
        FloatDType::F32 | FloatDType::Flex32 => joined_as::<f32, E>(pieces, shape),
        FloatDType::F16 => joined_as::<f16, E>(pieces, shape),
        FloatDType::BF16 => joined_as::<bf16, E>(pieces, shape),
    }
}

fn joined_as<D: Float, E>(
    pieces: impl Iterator<Item = Result<TensorData, E>>,
    shape: &[usize],
) -> Result<Result<TensorData, Unfit>, E> {
    let mut values: Vec<D> = Vec::with_capacity(shape.iter().product());
    let mut not_finite = 0;
    for piece in pieces {
        let piece = piece?;
        let length = [piece.num_elements()];
        match from_any::<D>(piece, &length, Layout::Same) {
            Ok(piece) => values.extend_from_slice(piece.as_slice().expect("of that type")),
            Err(Unfit::NotFinite(count)) => not_finite += count,
            Err(unfit) => return Ok(Err(unfit)),
        }
    }
    Ok(match not_finite {
        0 => Ok(TensorData::new(values, shape)),
        count => Err(Unfit::NotFinite(count)),
    })
}

fn from_any<D: Float>(
    data: TensorData,
    shape: &[usize],
    layout: Layout,
) -> Result<TensorData, Unfit> {
    match data.dtype() {
        DType::F64 => typed::<f64, D>(&data, shape, layout),
        DType::F32 => typed::<f32, D>(&data, shape, layout),
        DType::F16 => typed::<f16, D>(&data, shape, layout),
        DType::BF16 => typed::<bf16, D>(&data, shape, layout),
        other => Err(Unfit::NotFloat(other)),
    }
}

fn typed<S: Float, D: Float>(
    data: &TensorData,
    shape: &[usize],
    layout: Layout,
) -> Result<TensorData, Unfit> {
    let Ok(source) = data.as_slice::<S>() else {
        return Err(Unfit::NotFloat(data.dtype()));
    };
    let mut target = vec![D::of(0.0); source.len()];
    let not_finite: usize = match layout {
        Layout::Same => target
            .par_chunks_mut(1 << 16)
            .zip(source.par_chunks(1 << 16))
            .map(|(target, source)| {
                for (t, s) in target.iter_mut().zip(source) {
                    *t = D::of(s.wide());
                }
                count_not_finite(target)
            })
            .sum(),
        Layout::Transposed => {
            let (rows, columns) = (shape[0], shape[1]); // of the target; source is [columns, rows]
            target
                .par_chunks_mut(TILE * columns.max(1))
                .enumerate()
                .map(|(block, target)| {
                    let first = block * TILE;
                    let height = TILE.min(rows - first);
                    for left in (0..columns).step_by(TILE) {
                        for column in left..(left + TILE).min(columns) {
                            let line = &source[column * rows + first..][..height];
                            for (row, value) in line.iter().enumerate() {
                                target[row * columns + column] = D::of(value.wide());
                            }
                        }
                    }
                    count_not_finite(target)
                })
                .sum()
        }
    };
    match not_finite {
        0 => Ok(TensorData::new(target, shape)),
        count => Err(Unfit::NotFinite(count)),
    }
}

fn count_not_finite<D: Float>(values: &[D]) -> usize {
    values.iter().filter(|v| !v.wide().is_finite()).count()
}

/// A floating-point element type; every conversion goes through `f64`, which holds all of them.
trait Float: Element + Copy + Send + Sync {
    fn wide(self) -> f64;
    fn of(value: f64) -> Self;
}

macro_rules! float {
    ($type:ty, $wide:expr, $of:expr) => {
        impl Float for $type {
            fn wide(self) -> f64 {
                $wide(self)
            }
            fn of(value: f64) -> Self {
                $of(value)
            }
        }
    };
}
float!(f64, |v| v, |v| v);
float!(f32, f64::from, |v| v as f32);
float!(f16, f64::from, f16::from_f64);
float!(bf16, f64::from, bf16::from_f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_weight_is_transposed_whatever_its_size() {
        for (out, input) in [(1, 1), (3, 5), (32, 32), (33, 70), (100, 31)] {
            let stored: Vec<f32> = (0..out * input).map(|v| v as f32).collect();
            let data = TensorData::new(stored, [out, input]);
            let held = arrange(data, &[input, out], Layout::Transposed, FloatDType::F32).unwrap();
            let held = held.as_slice::<f32>().unwrap();
            for o in 0..out {
                for i in 0..input {
                    assert_eq!(held[i * out + o], (o * input + i) as f32);
                }
            }
        }
    }

    #[test]
    fn half_becomes_single_exactly_and_back() {
        let stored: Vec<f16> = (0..100).map(|v| f16::from_f32(v as f32 * 0.37)).collect();
        let data = TensorData::new(stored.clone(), [100]);
        let single = arrange(data, &[100], Layout::Same, FloatDType::F32).unwrap();
        let half = arrange(single, &[100], Layout::Same, FloatDType::F16).unwrap();
        assert_eq!(half.as_slice::<f16>().unwrap(), stored);
    }

    #[test]
    fn values_beyond_the_type_are_counted_not_rounded_to_infinity() {
        let data = TensorData::new(vec![1.0f32, 70_000.0, f32::NAN], [3]);
        let fail = arrange(data, &[3], Layout::Same, FloatDType::F16);
        assert_eq!(fail.unwrap_err(), Unfit::NotFinite(2));
    }

    #[test]
    fn integers_are_refused() {
        let data = TensorData::new(vec![1i64], [1]);
        let fail = arrange(data, &[1], Layout::Same, FloatDType::F32);
        assert_eq!(fail.unwrap_err(), Unfit::NotFloat(DType::I64));
    }
}
