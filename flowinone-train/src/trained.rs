//! What a run trains: `train = ["source", "velocity"]`, or `train = { lora = { rank = 16 } }`.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{LoraConfig, Part};

/// What a run trains.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Trained {
    /// Networks, whole.
    Parts(Vec<Part>),
    /// An adapter; the networks stay as they are.
    Adapter {
        /// Its description.
        lora: LoraConfig,
    },
}

impl Trained {
    /// The adapter, if that is what is trained.
    pub fn adapter(&self) -> Option<&LoraConfig> {
        match self {
            Self::Adapter { lora } => Some(lora),
            Self::Parts(_) => None,
        }
    }
}

/// The table of an adapter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    lora: LoraConfig,
}

impl<'de> Deserialize<'de> for Trained {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        /// By the kind of value, so that errors name what is wrong inside.
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Trained;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names of networks, or { lora = { rank = 16 } }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Trained, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(parts)).map(Trained::Parts)
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Trained, A::Error> {
                let Table { lora } = Table::deserialize(MapAccessDeserializer::new(table))?;
                Ok(Trained::Adapter { lora })
            }
        }

        from.deserialize_any(Either)
    }
}
