//! Every [`Operation`] under automatic differentiation: the graph keeps what `forward` saves and
//! calls `backward` with it.

use burn::backend::Flex;
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

use super::Kernels;
use super::operation::Operation;

#[derive(Debug)]
struct Recorded<O>(O);

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Recorded<O> {
    type State = O::Saved;

    fn backward(self, ops: Ops<O::Saved, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let of_inputs = self.0.backward(ops.state, gradient, wanted);
        for pair in ops.parents.into_iter().zip(of_inputs) {
            if let (Some(parent), Some(gradient)) = pair {
                gradients.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

fn record<C: CheckpointStrategy, O: Operation<N>, const N: usize>(
    operation: O,
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    let prepared = Recorded(operation.clone())
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful();
    let (result, saved) = operation.forward(inputs.map(|input| input.into_primitive()));
    match prepared {
        OpsKind::Tracked(prepared) => prepared.finish(saved, result),
        OpsKind::UnTracked(prepared) => prepared.finish(result),
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn of_one<O: Operation<1>>(operation: O, a: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<C, O, 1>(operation, [a])
    }

    fn of_two<O: Operation<2>>(
        operation: O,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        record::<C, O, 2>(operation, [a, b])
    }

    fn of_three<O: Operation<3>>(
        operation: O,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        record::<C, O, 3>(operation, [a, b, c])
    }
}
