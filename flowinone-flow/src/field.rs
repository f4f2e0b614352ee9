//! The flow as the rest of the world sees it: where it starts, and a velocity field with a
//! conditional and an unconditional branch that a solver can follow.

use burn::tensor::Tensor;
use flowinone_sampler::{Branch, BranchItem, BranchedField, Times};

use crate::network::{FlowNetwork, VelocityNetwork, check_batch};
use crate::source::Source;
use crate::structure::{Structure, StructureTokens, chosen};
use crate::time::Time;

/// A flow from a picture's visual tokens to a latent.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_flow::{FlowConfig, FlowModel};
/// use flowinone_sampler::{Branch, BranchedField};
///
/// fn first_velocity(model: &impl FlowModel, tokens: Tensor<3>) -> Tensor<4> {
///     let x0 = model.source(tokens).mean;
///     model.field(None).branch(x0, 0.0.into(), Branch::Conditional)
/// }
///
/// let device = Device::flex();
/// let model = FlowConfig::tiny().init(&device);
/// let velocity = first_velocity(&model, Tensor::zeros([1, 16, 24], &device));
/// assert_eq!(velocity.dims(), [1, 4, 32, 32]);
/// # }
/// ```
pub trait FlowModel {
    /// The velocity field of one batch.
    type Field<'a>: BranchedField<4>
    where
        Self: 'a;

    /// The distribution of the flow's start, from visual tokens `[batch, tokens, width]`.
    fn source(&self, tokens: Tensor<3>) -> Source;

    /// The velocity field of one batch; `None` if no item has a structure to follow.
    fn field(&self, structure: Option<Structure>) -> Self::Field<'_>;

    /// Whether its fields know the average velocity from one time to another.
    fn has_two_times(&self) -> bool {
        false
    }
}

/// The velocity field of a [`FlowNetwork`] for one batch.
///
/// What does not depend on state and time, the tokens of the structure latents, is computed once,
/// when the field is made.
#[derive(Debug)]
pub struct FlowField<'a> {
    network: &'a VelocityNetwork,
    structure: Option<StructureTokens>,
}

impl FlowModel for FlowNetwork {
    type Field<'a> = FlowField<'a>;

    fn source(&self, tokens: Tensor<3>) -> Source {
        self.source.forward(tokens)
    }

    fn field(&self, structure: Option<Structure>) -> FlowField<'_> {
        FlowField {
            network: &self.velocity,
            structure: structure.and_then(|structure| self.velocity.structure_tokens(&structure)),
        }
    }

    fn has_two_times(&self) -> bool {
        self.velocity.two_times.is_some()
    }
}

impl BranchedField<4> for FlowField<'_> {
    fn branch(&self, x: Tensor<4>, times: Times, branch: Branch) -> Tensor<4> {
        let branches = vec![branch; x.dims()[0]];
        let structure = self.structure.as_ref();
        self.network
            .forward(x, &times.into(), Some(&branches), structure)
    }

    /// Both branches as one batch of twice the size.
    fn both(&self, x: Tensor<4>, times: Times) -> (Tensor<4>, Tensor<4>) {
        check_batch(&x, None, self.structure.as_ref());
        let [batch, ..] = x.dims();
        let branches = [Branch::Conditional, Branch::Unconditional].map(|b| vec![b; batch]);
        let structure = self.structure.as_ref().map(StructureTokens::doubled);
        let velocity = self.network.forward(
            x.repeat_dim(0, 2),
            &times.into(),
            Some(&branches.concat()),
            structure.as_ref(),
        );
        let conditional = velocity.clone().narrow(0, 0, batch);
        (conditional, velocity.narrow(0, batch, batch))
    }

    /// The chosen rows as one batch, and nothing else.
    fn rows(&self, x: Tensor<4>, times: Times, rows: &[BranchItem]) -> Tensor<4> {
        check_batch(&x, None, self.structure.as_ref());
        let items: Vec<usize> = rows.iter().map(|row| row.item).collect();
        let branches: Vec<Branch> = rows.iter().map(|row| row.branch).collect();
        let structure = self.structure.as_ref().map(|s| s.chosen(&items));
        self.network.forward(
            chosen(&x, &items),
            &times.into(),
            Some(&branches),
            structure.as_ref(),
        )
    }

    /// What the first transformer block adds to the tokens of each row.
    fn probe(&self, x: Tensor<4>, times: Times, rows: &[BranchItem]) -> Option<Tensor<2>> {
        check_batch(&x, None, self.structure.as_ref());
        let items: Vec<usize> = rows.iter().map(|row| row.item).collect();
        let branches: Vec<Branch> = rows.iter().map(|row| row.branch).collect();
        let structure = self.structure.as_ref().map(|s| s.chosen(&items));
        let x = chosen(&x, &items);
        let time = Time::from(times);
        let taus = time.taus(self.network.two_times, items.len(), &x.device());
        let stage = &self.network.transformer;
        Some(stage.probe(x, &taus, &branches, structure.as_ref()))
    }
}
