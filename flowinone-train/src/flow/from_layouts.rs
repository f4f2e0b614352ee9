//! Starts that say the layouts of the targets, from which the velocity network learns to draw
//! without a prompt.

use burn::module::Module;
use burn::tensor::{DType, Tensor, TensorData};
use flowinone_data::Example;
use flowinone_flow::Source;
use flowinone_tasks::ModelConfig;

use super::FlowTrainTask;
use crate::layout_grid::{LayoutGrid, SQUARE};
use crate::validation_set::ValidationGroup;
use crate::{BatchRng, Error, FlowBatch, FlowTrainingConfig, Losses, Part, TrainableFlow, Trained};

/// How the velocity network learns from starts that say a layout.
#[derive(Debug, Clone, Copy)]
pub(super) struct FromLayouts {
    /// The deviation of these starts.
    deviation: f64,
    /// Whether all pairs start so, and no prompt is read.
    pub(super) alone: bool,
}

impl FromLayouts {
    /// As the run asks for it, by a weight of the loss `layout_start`.
    ///
    /// # Errors
    /// A run that has to start from layouts, and a model that states no deviation of its start.
    pub(super) fn new(
        config: &FlowTrainingConfig,
        model: &ModelConfig,
    ) -> Result<Option<Self>, Error> {
        if config.auxiliary_losses.layout_start == 0.0 || !config.trains(Part::Velocity) {
            return Ok(None);
        }
        let alone = config.train == Trained::Parts(vec![Part::Velocity]);
        match model.flow.source.deviation {
            Some(deviation) => Ok(Some(Self { deviation, alone })),
            None if alone => Err(Error::Config(
                "auxiliary_losses.layout_start needs a deviation of the start; give the model \
                 flow.source.deviation"
                    .into(),
            )),
            None => Ok(None),
        }
    }
}

impl FlowTrainTask {
    /// Whether all pairs start from layouts, and no prompt is read.
    pub(super) fn layouts_alone(&self) -> bool {
        self.from_layouts.is_some_and(|from| from.alone)
    }

    /// The losses of the flow from starts that say the layouts of the targets, without a prompt.
    pub(super) fn drawing_losses(
        &self,
        model: &TrainableFlow,
        batch: &FlowBatch,
        rng: &mut BatchRng,
    ) -> Losses {
        let from = self.from_layouts.expect("asked for by the run");
        let start = model.layout_start.as_ref().expect("likewise");
        let layouts = batch.layouts.as_ref().expect("likewise");
        let side = self.model.flow.latent_side / SQUARE;
        let mut source = start.source(&layouts.starts, side, from.deviation, &self.device);
        if self.auxiliary.layout_errors > 0.0 {
            source.mean = source.mean.clone() + self.layout_errors(source.mean.dims(), rng);
        }
        let target = self.latents(&batch.target);
        self.flow_losses(model, source, target, batch, rng).0
    }

    /// Errors of starts of this shape, as `layout_errors` asks for them.
    fn layout_errors(&self, shape: [usize; 4], rng: &mut BatchRng) -> Tensor<4> {
        let noise = rng.noise(shape, &self.device);
        let deviations = TensorData::new(rng.uniforms(shape[0]), [shape[0], 1, 1, 1]);
        let deviations = Tensor::<4>::from_data(deviations, (&self.device, DType::F32));
        noise * deviations.mul_scalar(self.auxiliary.layout_errors)
    }

    /// The starts that say the layouts of a group's targets, if all pairs start so.
    pub(super) fn layout_source(
        &self,
        model: &TrainableFlow,
        group: &ValidationGroup,
    ) -> Result<Option<Source>, Error> {
        let (
            Some(FromLayouts {
                deviation,
                alone: true,
            }),
            Some(start),
        ) = (self.from_layouts, &model.layout_start)
        else {
            return Ok(None);
        };
        let side = self.model.flow.latent_side / SQUARE;
        let vocabulary = &self.readings.vocabulary;
        let layout = |(_, example): &(u64, Example)| LayoutGrid::of(example, vocabulary, side);
        let layouts: Result<Vec<_>, _> = group.examples.iter().map(layout).collect();
        let device = self.device.clone().inner();
        Ok(Some(
            start.valid().source(&layouts?, side, deviation, &device),
        ))
    }
}
