//! `adapter_config.json`, as peft writes it: what of it changes the result, and what must not.

use std::collections::BTreeMap;
use std::path::Path;

use flowinone_files::text_of;
use regex::Regex;
use serde::Deserialize;

use crate::Error;

/// Longest configuration accepted, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// The fields that decide scales, and those that ask for what is not read. Others describe the
/// training.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PeftConfig {
    #[serde(default)]
    pub(crate) peft_type: Option<String>,
    pub(crate) lora_alpha: f64,
    #[serde(default)]
    pub(crate) alpha_pattern: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) use_rslora: bool,
    #[serde(default)]
    pub(crate) use_dora: bool,
    #[serde(default)]
    pub(crate) fan_in_fan_out: bool,
    #[serde(default)]
    pub(crate) bias: Option<String>,
    /// Of our own: the digest of the model that the adapter was trained on.
    #[serde(default)]
    pub(crate) flowinone_base_sha256: Option<String>,
}

impl PeftConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// A file that is damaged, or asks for what is not LoRA.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bad = |reason: String| Error::adapter(path, reason);
        let read = |e| Error::File(flowinone_files::Error::of("read", path)(e));
        if std::fs::metadata(path).map_err(read)?.len() > MAX_CONFIG {
            return Err(bad(format!("it has more than {MAX_CONFIG} bytes")));
        }
        let text = text_of(std::fs::read(path).map_err(read)?).map_err(&bad)?;
        Self::parse(&text).map_err(bad)
    }

    /// The same from a text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|e| format!("damaged: {e}"))?;
        if config
            .peft_type
            .as_deref()
            .is_some_and(|kind| kind != "LORA")
        {
            let kind = config.peft_type.unwrap_or_default();
            return Err(format!("its peft_type is {kind}; LORA is read"));
        }
        for (asked, name) in [
            (config.use_dora, "use_dora"),
            (config.fan_in_fan_out, "fan_in_fan_out"),
        ] {
            if asked {
                return Err(format!("it says {name}; plain LoRA and rsLoRA are read"));
            }
        }
        if config.bias.as_deref().is_some_and(|bias| bias != "none") {
            return Err("it has biases (bias is not \"none\"); only weights are read".into());
        }
        for pattern in config.alpha_pattern.keys() {
            compiled(pattern)?;
        }
        Ok(config)
    }

    /// What the factors of the layer of a published name are multiplied with.
    pub(crate) fn scale(&self, name: &str, rank: usize) -> f64 {
        let pattern = self
            .alpha_pattern
            .iter()
            .find(|(pattern, _)| compiled(pattern).is_ok_and(|pattern| pattern.is_match(name)));
        let alpha = pattern.map_or(self.lora_alpha, |(_, alpha)| *alpha);
        match self.use_rslora {
            true => alpha / (rank as f64).sqrt(),
            false => alpha / rank as f64,
        }
    }
}

/// A pattern of peft's: the whole of a name, or all behind one of its dots.
fn compiled(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!(r"^(.*\.)?({pattern})$"))
        .map_err(|_| format!("its alpha_pattern {pattern:?} is no regular expression"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_follow_alpha_and_rank() {
        let text = r#"{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["dense"],
            "alpha_pattern": {"dense": 4, "blocks.1.block2.w0": 2}, "unknown": [1]}"#;
        let config = PeftConfig::parse(text).unwrap();
        assert_eq!(
            config.scale("stages.0.blocks.0.block1.query_key_value", 8),
            2.0
        );
        assert_eq!(config.scale("stages.0.blocks.0.block1.dense", 8), 0.5);
        assert_eq!(config.scale("stages.0.blocks.1.block2.w0", 2), 1.0);
        let rooted = text.replace("\"unknown\": [1]", "\"use_rslora\": true");
        let config = PeftConfig::parse(&rooted).unwrap();
        assert_eq!(config.scale("stages.0.blocks.0.block1.query", 4), 8.0);
    }

    #[test]
    fn what_is_not_lora_is_refused_by_its_field() {
        for (field, value) in [
            ("peft_type", "\"LOHA\""),
            ("use_dora", "true"),
            ("fan_in_fan_out", "true"),
            ("bias", "\"all\""),
            ("alpha_pattern", "{\"(\": 1}"),
        ] {
            let text = format!(r#"{{"r": 8, "lora_alpha": 16, "{field}": {value}}}"#);
            let error = PeftConfig::parse(&text).unwrap_err();
            assert!(error.contains(field) || error.contains("bias"), "{error}");
        }
        assert!(PeftConfig::parse("{\"r\": 8}").is_err());
    }
}
