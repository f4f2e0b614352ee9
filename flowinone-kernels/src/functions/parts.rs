//! Layer norm of tokens that come in parts.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_one, of_three, only_computes, takes};
use crate::layer_norm;

/// [`layer_norm`] of tokens whose values come in equal parts, each `[batch, tokens, width]`, as if
/// they stood side by side, with `weight` and `bias` `[1 or batch, 1, parts * width]`: the normed
/// parts, one after the other.
///
/// On Flex and without gradients the parts are never joined: each gives its mean and the squares
/// around it, and `sum |x - mean|^2 = sum_parts (squares + width * |mean of part - mean|^2)`.
///
/// # Panics
/// If there are no parts, they differ in shape, or weight or bias have another one.
pub fn layer_norm_of_parts(
    parts: Vec<Tensor<3>>,
    weight: Tensor<3>,
    bias: Tensor<3>,
    epsilon: f64,
) -> Box<dyn Iterator<Item = Tensor<3>>> {
    let [batch, tokens, width] = parts[0].dims();
    let (count, all) = (parts.len(), parts.len() * width);
    for part in &parts {
        assert_eq!(part.dims(), [batch, tokens, width], "parts of one shape");
    }
    let [items, _, of_all] = weight.dims();
    assert!(
        of_all == all && (items == 1 || items == batch) && weight.dims() == bias.dims(),
        "a weight of {:?} and a bias of {:?} for {count} parts of {:?}",
        weight.dims(),
        bias.dims(),
        parts[0].dims()
    );
    #[cfg(feature = "cpu")]
    if only_computes(&parts[0].device()) && parts.iter().chain([&weight, &bias]).all(takes) {
        let moments = |part: &Tensor<3>| of_one::<3, 3>(flex::Moments, part.clone());
        let moments = Tensor::stack::<4>(parts.iter().map(moments).collect(), 3);
        let [means, squares] = [0, 1].map(|k| {
            let of_parts = moments.clone().narrow(2, k, 1);
            of_parts.reshape([batch, tokens, count])
        });
        let mean = means.clone().mean_dim(2); // [batch, tokens, 1]
        let apart = (means - mean.clone()).square().mul_scalar(width as f64);
        let variance = (squares + apart).sum_dim(2).div_scalar(all as f64);
        let factor = variance.add_scalar(epsilon).sqrt().recip();
        let spread = Tensor::cat(vec![mean, factor], 2); // [batch, tokens, 2]
        let gains = Tensor::cat(vec![weight, bias], 1); // [1 or batch, 2, parts * width]
        let normed = move |(index, part)| {
            let gains = gains.clone().narrow(2, index * width, width);
            of_three::<3, 3, 3, 3>(flex::Normed, part, spread.clone(), gains)
        };
        return Box::new(parts.into_iter().enumerate().map(normed));
    }
    let joined = layer_norm(Tensor::cat(parts, 2), weight, bias, epsilon);
    Box::new((0..count).map(move |index| joined.clone().narrow(2, index * width, width)))
}
