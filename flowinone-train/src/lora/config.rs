//! `train = { lora = { rank = 16, alpha = 16, targets = "attention", base = "int8" } }`.

use flowinone_kernels::Dtype;
use flowinone_lora::Targets;
use serde::{Deserialize, Serialize};

use crate::Fault;

/// An adapter to be trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// Width of the factors.
    pub rank: usize,
    /// The product of the factors is multiplied with `alpha / rank`.
    pub alpha: f32,
    /// Which layers it changes.
    pub targets: Targets,
    /// Type of the weights that it stands beside, f32, bf16 or int8: packed in it on the
    /// processor, float32 on a graphics card.
    pub base: Dtype,
}

impl Default for LoraConfig {
    /// As peft has it where a user says nothing, but for the rank, which is 8 there.
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 16.0,
            targets: Targets::default(),
            base: Dtype::F32,
        }
    }
}

impl LoraConfig {
    /// What the product of the factors is multiplied with.
    pub fn scale(&self) -> f32 {
        self.alpha / self.rank as f32
    }

    /// Checks it.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn check(&self) -> Result<(), Fault> {
        let fault = |key, reason| Err(Fault { key, reason });
        if !(1..=4096).contains(&self.rank) {
            let reason = format!("is {}, expected 1 to 4096", self.rank);
            return fault("train.lora.rank", reason);
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            let reason = format!("is {}, expected a positive number", self.alpha);
            return fault("train.lora.alpha", reason);
        }
        if self.base == Dtype::F16 {
            let reason = "is f16, expected f32, bf16 or int8".to_string();
            return fault("train.lora.base", reason);
        }
        Ok(())
    }
}
