//! Reading configurations from TOML; errors name file, line and key.

use std::path::Path;

use flowinone_files::text_of;
use flowinone_kernels::Dtype;
use serde::de::DeserializeOwned;
use toml::Deserializer;
use toml::de::{DeTable, DeValue};

use crate::shared::share;
use crate::{
    AutoencoderTrainingConfig, DataConfig, Error, Fault, FlowTrainingConfig, Matrices, RunConfig,
    Trained, UpscaleTrainingConfig, VaePart,
};

/// Longest configuration file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Keys and the names that they had in earlier versions, which are still read.
const FORMER: [(&str, &str); 9] = [
    ("auxiliary_losses", "aids"),
    ("condition_dropout", "null_probability"),
    ("ema_decay", "average"),
    ("init_from", "start"),
    ("kl", "divergence"),
    ("kl_weight", "divergence_weight"),
    ("matmul_precision", "products"),
    ("reinit", "anew"),
    ("validation", "evaluations"),
];

/// A configuration with a check of what TOML cannot express.
pub trait Configuration: DeserializeOwned {
    /// Checks it.
    ///
    /// # Errors
    /// The first value that cannot be.
    fn check(&self) -> Result<(), Fault>;
}

/// Reads a configuration; relative paths in it start at the current folder. Its `[procedural]`
/// holds for every `[data.procedural]` that does not say otherwise.
///
/// # Errors
/// Names the file, the line and what is wrong there.
pub fn read_training_config<C: Configuration>(path: &Path) -> Result<C, Error> {
    let size = std::fs::metadata(path).map_err(Error::io("read", path))?;
    if size.len() > MAX_FILE {
        let reason = format!("{} bytes are too many for a configuration", size.len());
        return Err(Error::file(path, reason));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let text = text_of(bytes).map_err(|reason| Error::file(path, reason))?;
    let unreadable = |mut e: toml::de::Error| {
        e.set_input(Some(&text));
        Error::file(path, e.to_string())
    };
    let impossible =
        |fault: Fault| Error::file(path, format!("line {}: {fault}", line(&text, fault.key)));
    let mut document = DeTable::parse(&text).map_err(unreadable)?;
    share(document.get_mut()).map_err(impossible)?;
    let config = C::deserialize(Deserializer::from(document)).map_err(unreadable)?;
    config.check().map_err(impossible)?;
    Ok(config)
}

/// The line of a key, from 1, by its present or its former name; that of the innermost table around
/// it if the key itself is not there.
fn line(text: &str, key: &str) -> usize {
    let mut at = 0;
    let table = DeTable::parse(text);
    let mut table = table.as_ref().ok().map(|table| table.get_ref());
    for part in key.split('.') {
        let former = FORMER.iter().find(|(key, _)| *key == part);
        let names = [Some(part), former.map(|(_, name)| *name)];
        let found = names.into_iter().flatten();
        let found =
            table.and_then(|table| found.filter_map(|name| table.get_key_value(name)).next());
        let Some((name, value)) = found else {
            break;
        };
        at = name.span().start;
        table = match value.get_ref() {
            DeValue::Table(inner) => Some(inner),
            _ => None,
        };
    }
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

impl Configuration for FlowTrainingConfig {
    fn check(&self) -> Result<(), Fault> {
        self.run.check()?;
        let objective = self.objective.validate();
        objective.map_err(|e| fault("objective", format!("cannot be: {e}")))?;
        match &self.train {
            Trained::Parts(parts) if parts.is_empty() => {
                let reason = "names no network; expected some of \"encoder\", \"source\", \
                              \"velocity\", or { lora = { rank = 16 } }";
                return Err(fault("train", reason));
            }
            Trained::Parts(_) => {}
            Trained::Adapter { lora } => {
                lora.check()?;
                self.check_beside_adapter()?;
            }
        }
        for (key, weight) in [
            ("auxiliary_losses.anchor", self.auxiliary_losses.anchor),
            ("auxiliary_losses.labels", self.auxiliary_losses.labels),
            ("auxiliary_losses.spelling", self.auxiliary_losses.spelling),
            ("auxiliary_losses.letters", self.auxiliary_losses.letters),
            ("auxiliary_losses.scene", self.auxiliary_losses.scene),
            ("auxiliary_losses.ways", self.auxiliary_losses.ways),
            ("auxiliary_losses.layout", self.auxiliary_losses.layout),
            (
                "auxiliary_losses.layout_start",
                self.auxiliary_losses.layout_start,
            ),
            (
                "auxiliary_losses.layout_errors",
                self.auxiliary_losses.layout_errors,
            ),
            ("auxiliary_losses.detail", self.auxiliary_losses.detail),
            ("auxiliary_losses.things", self.auxiliary_losses.things),
        ] {
            if !(0.0..=f64::MAX).contains(&weight) {
                let reason = format!("is {weight}, expected a finite number, 0 or more");
                return Err(fault(key, reason));
            }
        }
        if self.auxiliary_losses.layout_errors > 0.0 && self.auxiliary_losses.layout_start == 0.0 {
            let reason = "is for starts that say layouts; set auxiliary_losses.layout_start too";
            return Err(fault("auxiliary_losses.layout_errors", reason));
        }
        if self.auxiliary_losses.source_apart && self.auxiliary_losses.layout_start == 0.0 {
            let reason = "leaves the source encoder nothing to learn from; set \
                          auxiliary_losses.layout_start too";
            return Err(fault("auxiliary_losses.source_apart", reason));
        }
        if let Some(deviation) = self.auxiliary_losses.deviation
            && !(deviation > 0.0 && deviation.is_finite())
        {
            let reason = format!("is {deviation}, expected a positive number");
            return Err(fault("auxiliary_losses.deviation", reason));
        }
        let shift = self.auxiliary_losses.time_shift;
        if !shift.is_finite() {
            let reason = format!("is {shift}, expected a finite number");
            return Err(fault("auxiliary_losses.time_shift", reason));
        }
        if self.init_from.is_some() && self.init_heads.is_some() {
            let reason = "is for a run that starts from a model, and init_from has heads of its \
                          own; leave one out";
            return Err(fault("init_heads", reason));
        }
        some_data(&self.data)?;
        if self.cache.is_some() && !self.data.iter().all(DataConfig::repeats) {
            let reason = "keeps results for pictures that come again, but pairs made on the fly \
                          never do; leave it out, or write the pairs to files first (`flowinone \
                          data make`)";
            return Err(fault("cache", reason));
        }
        Ok(())
    }
}

impl FlowTrainingConfig {
    /// Refuses what asks to change networks that stay as they are beside an adapter.
    fn check_beside_adapter(&self) -> Result<(), Fault> {
        let losses = &self.auxiliary_losses;
        for (key, asked) in [
            ("init_from", self.init_from.is_some()),
            ("init_heads", self.init_heads.is_some()),
            ("reinit", !self.reinit.is_empty()),
            ("auxiliary_losses.labels", losses.labels > 0.0),
            ("auxiliary_losses.spelling", losses.spelling > 0.0),
            ("auxiliary_losses.letters", losses.letters > 0.0),
            ("auxiliary_losses.layout", losses.layout > 0.0),
            ("auxiliary_losses.layout_start", losses.layout_start > 0.0),
            (
                "run.optimiser.matrices",
                self.run.optimiser.matrices != Matrices::Adamw,
            ),
        ] {
            if asked {
                let reason =
                    "is for networks, and an adapter leaves them as they are; leave it out";
                return Err(fault(key, reason));
            }
        }
        Ok(())
    }
}

impl Configuration for AutoencoderTrainingConfig {
    fn check(&self) -> Result<(), Fault> {
        self.run.check()?;
        if self.train.is_empty() {
            let reason = "names no part; expected some of \"encoder\", \"decoder\", \"fine\", \
                          \"compositor\"";
            return Err(fault("train", reason));
        }
        let after = [VaePart::Fine, VaePart::Compositor];
        if self.trains(VaePart::Encoder) && after.into_iter().any(|part| self.trains(part)) {
            let reason = "has the encoder beside what needs its latents to stay; train \"fine\" and \
                          \"compositor\" in a run of their own";
            return Err(fault("train", reason));
        }
        let weights = &self.reconstruction;
        for (key, weight) in [
            ("reconstruction.cross_entropy", weights.cross_entropy),
            ("reconstruction.blur", weights.blur),
            ("reconstruction.noise", weights.noise),
        ] {
            if !(0.0..=f64::MAX).contains(&weight) {
                let reason = format!("is {weight}, expected a finite number, 0 or more");
                return Err(fault(key, reason));
            }
        }
        if weights.crops == 0 {
            return Err(fault("reconstruction.crops", "is 0, expected 1 or more"));
        }
        some_data(&self.data)?;
        if let Some(crop) = self.reconstruction.crop
            && !(2..=16_384).contains(&crop)
        {
            let reason = format!("is {crop}, expected a side of 2 to 16384 pixels");
            return Err(fault("reconstruction.crop", reason));
        }
        Ok(())
    }
}

impl Configuration for UpscaleTrainingConfig {
    fn check(&self) -> Result<(), Fault> {
        self.run.check()?;
        let (network, objective) = (&self.network, &self.objective);
        let scale = network.scale as u64;
        for (key, number, least, most) in [
            ("network.features", network.features as u64, 1, 1024),
            ("network.convolutions", network.convolutions as u64, 0, 250),
            ("network.scale", scale, 1, 16),
            // Small pictures have neighbouring pixels.
            (
                "objective.side",
                objective.side.into(),
                scale.saturating_mul(2),
                16_384,
            ),
            ("objective.crop", objective.crop.into(), 2, 16_384),
        ] {
            if !(least..=most).contains(&number) {
                let reason = format!("is {number}, expected {least} to {most}");
                return Err(fault(key, reason));
            }
        }
        if !u64::from(objective.side).is_multiple_of(scale) {
            let reason = format!("is {}, expected a multiple of the scale", objective.side);
            return Err(fault("objective.side", reason));
        }
        for (key, weight, most) in [
            ("objective.gradient", objective.gradient, f64::MAX),
            ("objective.squared", objective.squared, f64::MAX),
            ("objective.steepness", objective.steepness, f64::MAX),
            ("objective.flow_made", objective.flow_made, 1.0),
            ("objective.decoded", objective.decoded, 1.0),
            ("objective.blur", objective.blur, 1.0),
            ("objective.latent_noise", objective.latent_noise, f64::MAX),
            ("objective.noise", objective.noise, 1.0),
        ] {
            if !(0.0..=most).contains(&weight) {
                let expected = match most {
                    1.0 => "0 to 1",
                    _ => "a finite number, 0 or more",
                };
                return Err(fault(key, format!("is {weight}, expected {expected}")));
            }
        }
        let (made, decoded) = (objective.flow_made, objective.decoded);
        if made + decoded > 1.0 {
            let most = 1.0 - made;
            let reason = format!("is {decoded}, expected 0 to {most} beside flow_made ({made})");
            return Err(fault("objective.decoded", reason));
        }
        let crop = u64::from(objective.crop) * scale;
        if objective.steepness > 0.0 && crop <= crate::steepness::SQUARE as u64 {
            let least = crate::steepness::SQUARE as u64 / scale + 1;
            let reason = format!(
                "is {}, expected {least} or more for steepness",
                objective.crop
            );
            return Err(fault("objective.crop", reason));
        }
        some_data(&self.data)
    }
}

impl RunConfig {
    /// Checks what every run needs.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn check(&self) -> Result<(), Fault> {
        let judged = self.validation.examples as u64;
        for (key, number, least, most) in [
            ("run.steps", self.steps, 1, 1_000_000_000_000),
            ("run.batch", self.batch as u64, 1, 65_536),
            ("run.accumulate", self.accumulate, 1, 65_536),
            (
                "run.checkpoints.keep",
                self.checkpoints.keep as u64,
                1,
                1_000_000,
            ),
            (
                "run.validation.steps",
                self.validation.steps,
                1,
                1_000_000_000_000,
            ),
            ("run.validation.examples", judged, 0, 100_000),
        ] {
            if !(least..=most).contains(&number) {
                return Err(fault(
                    key,
                    format!("is {number}, expected {least} to {most}"),
                ));
            }
        }
        if !matches!(self.matmul_precision, Dtype::F32 | Dtype::Bf16) {
            let reason = format!("is {}, expected f32 or bf16", self.matmul_precision);
            return Err(fault("run.matmul_precision", reason));
        }
        let rate = self.schedule.learning_rate;
        if !(rate > 0.0 && rate.is_finite()) {
            let reason = format!("is {rate}, expected a positive number");
            return Err(fault("run.schedule.learning_rate", reason));
        }
        let optimiser = &self.optimiser;
        let [first, second] = optimiser.betas;
        for (key, share) in [
            ("run.ema_decay", self.ema_decay),
            ("run.optimiser.betas", first),
            ("run.optimiser.betas", second),
        ] {
            if !(0.0..1.0).contains(&share) {
                return Err(fault(
                    key,
                    format!("has {share}, expected 0 or more, below 1"),
                ));
            }
        }
        if !(0.0..=f64::MAX).contains(&optimiser.weight_decay) {
            let reason = format!("is {}, expected 0 or more", optimiser.weight_decay);
            return Err(fault("run.optimiser.weight_decay", reason));
        }
        if let Matrices::Muon(times) = optimiser.matrices
            && !(times > 0.0 && times.is_finite())
        {
            let reason = format!("is {times} times the rate, expected a positive number");
            return Err(fault("run.optimiser.matrices", reason));
        }
        if let Some(clip) = optimiser.clip
            && (clip.is_nan() || clip <= 0.0)
        {
            let reason = format!("is {clip}, expected a positive number");
            return Err(fault("run.optimiser.clip", reason));
        }
        Ok(())
    }
}

pub(crate) fn some_data(data: &[DataConfig]) -> Result<(), Fault> {
    if data.is_empty() {
        return Err(fault("data", "is empty: there is nothing to learn from"));
    }
    if data
        .iter()
        .any(|source| !source.repeats() && !source.classes.is_empty())
    {
        let reason = "has classes next to procedural, expected them in procedural.pairs";
        return Err(fault("data", reason));
    }
    Ok(())
}

pub(crate) fn fault(key: &'static str, reason: impl Into<String>) -> Fault {
    Fault {
        key,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_key_is_found_in_the_ways_toml_has_to_write_it() {
        let text = "train = []\n\n[run]\nsteps = 1\n[run.optimiser]\nclip = 0\n[[data]]\na = 1\n";
        for (key, expected) in [
            ("train", 1),
            ("run.steps", 4),
            ("run.optimiser.clip", 6),
            ("data", 7),
            ("run.batch", 3),
            ("absent", 1),
        ] {
            assert_eq!(line(text, key), expected, "{key}");
        }
        let former = "a = 1\n[run]\n[run.evaluations]\nsteps = 0\n";
        assert_eq!(line(former, "run.validation.steps"), 4);
        assert_eq!(line("a = 1\nrun = { x = 1,\n  clip = 0 }", "run.clip"), 3);
    }
}
