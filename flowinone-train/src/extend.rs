//! The model and the autoencoder that a run of `train-vae` begins with: those of its source,
//! extended by the parts that the run's description adds, without gradients in what does not
//! change.

use burn::module::Module;
use flowinone_tasks::ModelConfig;
use flowinone_vae::Autoencoder;

use crate::{AutoencoderTrainingConfig, Error, Extension, VaePart};

impl AutoencoderTrainingConfig {
    /// The model and the autoencoder to be trained, from those of the [source](Self::model) on a
    /// device with gradients: extended where `extend` says so, the parts that do not change without
    /// gradients. Pictures become as much larger as they become finer; latents stay.
    ///
    /// # Errors
    /// A part that the autoencoder has in another size already, or has not although it is to be
    /// trained, or crops that it cannot cut.
    pub fn begin(
        &self,
        mut model: ModelConfig,
        mut autoencoder: Autoencoder,
    ) -> Result<(ModelConfig, Autoencoder), Error> {
        if let Some(extension) = &self.extend {
            extension.fits(&model)?;
            let pooling = model.vae.pooling();
            autoencoder = autoencoder
                .extended(
                    &extension.fine_channels,
                    extension.compositor_channels,
                    extension.compositor_scale,
                    self.run.seed,
                )
                .map_err(|error| Error::Config(format!("extend: {error}")))?;
            model.vae = autoencoder.config().clone();
            model.picture_side = model.picture_side / pooling * model.vae.pooling();
            model.prompts.side = model.prompts.side.max(model.largest_side() as u32);
        }
        let has = [
            (VaePart::Fine, "fine", autoencoder.decoder.fine.is_some()),
            (
                VaePart::Compositor,
                "compositor",
                autoencoder.compositor.is_some(),
            ),
        ];
        for (part, name, there) in has {
            if self.trains(part) && !there {
                let reason =
                    format!("train names \"{name}\", which the model has not; extend it by one");
                return Err(Error::Config(reason));
            }
        }
        if let Some(crop) = self.reconstruction.crop
            && self.keeps_latents()
            && works_after_latents(&autoencoder)
            && !crop.is_multiple_of(crate::finer::GRID)
        {
            let grid = crate::finer::GRID;
            let reason = format!("reconstruction.crop is {crop}, expected a multiple of {grid}");
            return Err(Error::Config(reason));
        }
        if self.reconstruction.flow_made > 0.0
            && !(self.keeps_latents() && works_after_latents(&autoencoder))
        {
            let reason = "reconstruction.flow_made needs latents that stay and fine levels or a \
                          compositor after them; leave \"encoder\" out of train, and extend the \
                          model by fine_channels or compositor_channels";
            return Err(Error::Config(reason.into()));
        }
        Ok((model, self.changing(autoencoder)))
    }

    /// Side of the pictures that it is trained on, in pixels: where latents stay, that of the
    /// largest ones that its networks work on.
    pub fn side(&self, model: &ModelConfig) -> u32 {
        match self.keeps_latents() {
            true => model.largest_side() as u32,
            false => model.picture_side as u32,
        }
    }

    /// Whether latents are after the run what they were before.
    pub fn keeps_latents(&self) -> bool {
        !self.trains(VaePart::Encoder)
    }

    /// Without gradients in the parts that are not trained.
    fn changing(&self, mut autoencoder: Autoencoder) -> Autoencoder {
        if !self.trains(VaePart::Encoder) {
            autoencoder.encoder = autoencoder.encoder.no_grad();
            autoencoder.quant_conv = autoencoder.quant_conv.no_grad();
        }
        let mut fine = autoencoder.decoder.fine.take();
        if !self.trains(VaePart::Decoder) {
            autoencoder.decoder = autoencoder.decoder.no_grad();
            autoencoder.post_quant_conv = autoencoder.post_quant_conv.no_grad();
        }
        if !self.trains(VaePart::Fine) {
            fine = fine.no_grad();
        }
        autoencoder.decoder.fine = fine;
        if !self.trains(VaePart::Compositor) {
            autoencoder.compositor = autoencoder.compositor.no_grad();
        }
        autoencoder
    }
}

/// Whether an autoencoder has parts that work on what is decoded, which [`finer`](crate::finer)
/// trains.
pub(crate) fn works_after_latents(autoencoder: &Autoencoder) -> bool {
    autoencoder.decoder.fine.is_some() || autoencoder.compositor.is_some()
}

impl Extension {
    /// What of it a model does not have yet, so that it begins with weights that say nothing.
    pub fn new_parts(&self, model: &ModelConfig) -> Vec<&'static str> {
        let fine = self.fine_channels != model.vae.fine_channels;
        let compositor = self.compositor_channels != model.vae.compositor_channels
            || self.compositor_scale != model.vae.compositor_scale;
        let parts = [(fine, "fine levels"), (compositor, "compositor")];
        let new = parts.into_iter().filter(|(new, _)| *new);
        new.map(|(_, name)| name).collect()
    }

    fn fits(&self, model: &ModelConfig) -> Result<(), Error> {
        let vae = &model.vae;
        if !vae.fine_channels.is_empty() && vae.fine_channels != self.fine_channels {
            return Err(Error::Config(format!(
                "extend.fine_channels is {:?}, but the model has {:?} already, expected the same",
                self.fine_channels, vae.fine_channels
            )));
        }
        if let Some(channels) = vae.compositor_channels
            && self.compositor_channels != Some(channels)
        {
            return Err(Error::Config(format!(
                "extend.compositor_channels is {:?}, but the model has {channels} already, expected the same",
                self.compositor_channels
            )));
        }
        Ok(())
    }
}
