//! Condition dropout, from which the unconditional branch of classifier-free guidance learns. A
//! source depends on its prompt, so the targets of the items whose condition is dropped (null
//! items) are rotated among themselves: the start of a null item then says nothing about its
//! target.
//!
//! ```text
//! null_i = uniform_i < p;   no item is null if only one would be
//! x1 of the k-th null item <- x1 of the (k + 1)-th, of the last <- of the first
//! ```

use burn::tensor::{Int, Tensor};

/// Which items are null, their condition dropped, for one uniform number in [0, 1) each.
///
/// A single null item could only keep its own target: then there is none.
///
/// ```
/// use flowinone_flow::train::condition_dropout;
/// assert_eq!(condition_dropout(&[0.05, 0.5, 0.02], 0.1), [true, false, true]);
/// assert_eq!(condition_dropout(&[0.05, 0.5, 0.7], 0.1), [false, false, false]);
/// ```
pub fn condition_dropout(uniforms: &[f32], probability: f64) -> Vec<bool> {
    let falls = |&uniform: &f32| f64::from(uniform) < probability;
    let single = uniforms.iter().filter(|u| falls(u)).count() <= 1;
    uniforms
        .iter()
        .map(|uniform| falls(uniform) && !single)
        .collect()
}

/// The targets `[batch, channels, height, width]`, those of null items rotated by one among
/// themselves.
///
/// # Panics
/// If there is not one flag for each target.
pub fn rotated_targets(targets: Tensor<4>, nulls: &[bool]) -> Tensor<4> {
    let [batch, ..] = targets.dims();
    let count = nulls.len();
    assert_eq!(count, batch, "{count} null flags for a batch of {batch}");
    if !nulls.contains(&true) {
        return targets;
    }
    let sources: Vec<i32> = rotation(nulls).iter().map(|&item| item as i32).collect();
    let sources = Tensor::<1, Int>::from_ints(sources.as_slice(), &targets.device());
    targets.select(0, sources)
}

/// For each item, the item whose target it gets.
fn rotation(nulls: &[bool]) -> Vec<usize> {
    let mut sources: Vec<usize> = (0..nulls.len()).collect();
    let null: Vec<usize> = sources.iter().copied().filter(|&i| nulls[i]).collect();
    for (at, &item) in null.iter().enumerate() {
        sources[item] = null[(at + 1) % null.len()];
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_targets_go_round_and_the_others_stay() {
        assert_eq!(rotation(&[true, false, true, true]), [2, 1, 3, 0]);
        assert_eq!(rotation(&[false, false]), [0, 1]);
        assert_eq!(rotation(&[true, true]), [1, 0]);
    }

    #[test]
    fn a_single_null_item_is_cleared() {
        assert_eq!(condition_dropout(&[0.9, 0.05, 0.5], 0.1), [false; 3]);
        assert_eq!(condition_dropout(&[0.0], 1.0), [false]);
        assert_eq!(condition_dropout(&[], 0.1), [false; 0]);
        assert_eq!(
            condition_dropout(&[0.1, 0.099, 0.0], 0.1),
            [false, true, true]
        );
    }
}
