//! The indicator token: one constant vector in front of a sequence that tells the two branches of
//! classifier-free guidance apart. Nothing else differs between them.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Int, Tensor};
use flowinone_sampler::Branch;

/// The learned values of the indicator token, one number for each branch.
#[derive(Module, Debug)]
pub(crate) struct Indicator {
    conditional: Param<Tensor<1>>,
    unconditional: Param<Tensor<1>>,
}

impl Indicator {
    /// Starts at +1 for conditional and -1 for unconditional items.
    pub(crate) fn new(device: &Device) -> Self {
        let number = |value| Initializer::Constant { value }.init([1], device);
        Self {
            conditional: number(1.0),
            unconditional: number(-1.0),
        }
    }

    /// One token for each item, `[batch, 1, width]`.
    pub(crate) fn tokens(&self, branches: &[Branch], width: usize) -> Tensor<3> {
        let values = Tensor::cat(vec![self.conditional.val(), self.unconditional.val()], 0);
        let choice: Vec<i32> = branches
            .iter()
            .map(|branch| match branch {
                Branch::Conditional => 0,
                Branch::Unconditional => 1,
            })
            .collect();
        let choice = Tensor::<1, Int>::from_ints(choice.as_slice(), &values.device());
        values
            .select(0, choice)
            .reshape([branches.len(), 1, 1])
            .repeat_dim(2, width)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn every_item_gets_the_constant_of_its_branch() {
        let device = Device::flex();
        let branches = [Branch::Unconditional, Branch::Conditional];
        let tokens = Indicator::new(&device).tokens(&branches, 3);
        assert_eq!(tokens.dims(), [2, 1, 3]);
        let values: Vec<f32> = tokens.into_data().try_to_vec().unwrap();
        assert_eq!(values, [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]);
    }
}
