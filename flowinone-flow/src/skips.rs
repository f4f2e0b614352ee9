//! A stage in U-ViT form: `n` blocks, a middle one, `n` blocks; before each of the last `n`,
//! `x = Linear([x, skip])`, the skips being the outputs of the first `n`, last in, first out.

use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dense;

/// The skip layers of a stage with that (odd) number of blocks.
pub(crate) fn skip_denses(blocks: usize, width: usize, device: &Device) -> Vec<Dense> {
    (0..blocks / 2)
        .map(|_| Dense::new(2 * width, width, device))
        .collect()
}

/// Runs `x` through all blocks, each with its number from 0; `visit` sees the output of each, in
/// order, the last being the stage's.
pub(crate) fn run_blocks<B>(
    blocks: &[B],
    skip_denses: &[Dense],
    mut x: Tensor<3>,
    run: impl Fn(usize, &B, Tensor<3>) -> Tensor<3>,
    mut visit: impl FnMut(&Tensor<3>),
) -> Tensor<3> {
    let half = skip_denses.len();
    let mut skips = Vec::with_capacity(half);
    for (index, block) in blocks.iter().enumerate() {
        if index > half {
            let skip = skips
                .pop()
                .expect("as many blocks before the middle as after it");
            let both = Tensor::cat(vec![x, skip], 2); // [batch, tokens, 2 * width]
            x = skip_denses[index - half - 1].forward(both);
        }
        x = run(index, block, x);
        visit(&x);
        if index < half {
            skips.push(x.clone());
        }
    }
    x
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::module::Param;
    use burn::nn::LinearConfig;

    /// A layer `[x, skip] -> x + weight * skip` of width 1.
    fn skip_dense(weight: f32, device: &Device) -> Dense {
        let mut layer = LinearConfig::new(2, 1).init(device);
        layer.weight = Param::from_tensor(Tensor::from_floats([[1.0], [weight]], device));
        layer.bias = None;
        layer.into()
    }

    #[test]
    fn skips_come_back_last_in_first_out_and_after_x() {
        let device = Device::flex();
        let blocks = [1.0f32, 10.0, 100.0, 0.0, 0.0]; // what each adds
        let skips = [skip_dense(2.0, &device), skip_dense(3.0, &device)];
        let x = Tensor::<3>::zeros([1, 1, 1], &device);
        let mut seen = vec![];
        let run = |_, add: &f32, x: Tensor<3>| x.add_scalar(*add);
        run_blocks(&blocks, &skips, x, run, |x| {
            seen.push(x.clone().into_scalar::<f32>());
        });
        // First skip layer: the second block's 11; second skip layer: the first block's 1.
        assert_eq!(seen, [1.0, 11.0, 111.0, 111.0 + 2.0 * 11.0, 133.0 + 3.0]);
    }
}
