//! PReLU of Flex tensors: `y = x` where `x >= 0`, else `slope x`, with one slope for each channel.
//!
//! ```text
//! dx = dy (x < 0 ? slope : 1)      dslope = sum(dy x), over x < 0
//! ```

use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

use super::operation::{Operation, in_order, shape, tensor, values};

/// Of maps `[batch, channels, height, width]` with slopes `[channels]`.
#[derive(Debug, Clone)]
pub(crate) struct Prelu;

/// Numbers of a channel of an item.
fn plane(x: &FlexTensor) -> usize {
    shape(x)[2..].iter().product::<usize>().max(1)
}

impl Operation<2> for Prelu {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let [x, slopes] = inputs.map(in_order);
        let (plane, all) = (plane(&x), values(&slopes));
        let mut y = values(&x).to_vec();
        let channels = y.par_chunks_exact_mut(plane).enumerate();
        channels.for_each(|(index, channel)| {
            let slope = all[index % all.len()];
            for y in channel {
                *y = if *y < 0.0 { slope * *y } else { *y };
            }
        });
        (tensor(y, shape(&x)), [x, slopes])
    }

    fn backward(
        &self,
        [x, slopes]: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_slopes]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = in_order(gradient);
        let (plane, all) = (plane(&x), values(&slopes));
        let (x_values, dy) = (values(&x), values(&gradient));
        let dx = of_x.then(|| {
            let mut dx = dy.to_vec();
            let channels = dx.par_chunks_exact_mut(plane).enumerate();
            channels
                .zip(x_values.par_chunks_exact(plane))
                .for_each(|((index, channel), x)| {
                    let slope = all[index % all.len()];
                    for (dx, x) in channel.iter_mut().zip(x) {
                        *dx = if *x < 0.0 { slope * *dx } else { *dx };
                    }
                });
            tensor(dx, shape(&x))
        });
        let of_slopes = of_slopes.then(|| {
            let channels = x_values.par_chunks_exact(plane);
            let sums: Vec<f64> = channels
                .zip(dy.par_chunks_exact(plane))
                .map(|(x, dy)| {
                    let below = x.iter().zip(dy).filter(|(x, _)| **x < 0.0);
                    below.map(|(x, dy)| f64::from(*x) * f64::from(*dy)).sum()
                })
                .collect();
            let mut of_channel = vec![0.0; all.len()];
            for (index, sum) in sums.into_iter().enumerate() {
                of_channel[index % all.len()] += sum;
            }
            let of_channel = of_channel.into_iter().map(|sum: f64| sum as f32).collect();
            tensor(of_channel, shape(&slopes))
        });
        [dx, of_slopes]
    }
}
