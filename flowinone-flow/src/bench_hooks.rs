//! One block by itself, for benchmarks: a guided step spends nearly all its time in such blocks.

use burn::tensor::Tensor;
use flowinone_sampler::Branch;

use crate::{StructureTokens, Time, VelocityNetwork};

impl VelocityNetwork {
    /// For benchmarks: the first block of the transformer stage on the tokens of both branches of
    /// guidance, `[2 items, 1 + side * side, width]` to the same shape, as in a guided step at time
    /// `t`.
    ///
    /// # Panics
    /// If tokens or structure have other shapes.
    pub fn first_block(
        &self,
        x: Tensor<3>,
        t: f64,
        structure: Option<&StructureTokens>,
    ) -> Tensor<3> {
        let [batch, _, width] = x.dims();
        let taus = Time::Shared(t).taus(self.two_times, batch, &x.device());
        let branches = [Branch::Conditional, Branch::Unconditional].map(|b| vec![b; batch / 2]);
        let indicator = self.transformer.indicator.tokens(&branches.concat(), width);
        let structure = structure.map(|structure| structure.doubled().with_indicator(indicator));
        self.transformer.blocks[0].forward(x, structure.as_ref(), taus.of_block(0))
    }
}
