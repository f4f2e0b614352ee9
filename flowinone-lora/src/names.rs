//! What the tensors of an adapter are called, by whom it was written.
//!
//! ```text
//! peft       base_model.model.NAME.lora_A.weight       .lora_B.weight
//! diffusers  transformer.NAME.lora_A.weight            .lora_B.weight
//! kohya      lora_unet_NAME_WITH_UNDERSCORES.lora_down.weight   .lora_up.weight   .alpha
//! ```

use crate::{Format, Layers};

/// What a tensor is to its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// `A`, `[rank, input]`.
    Down,
    /// `B`, `[output, rank]`.
    Up,
    /// What the scale is made of, one number.
    Alpha,
}

/// Ends of names. peft may name the adapter itself between.
const ENDS: [(&str, Role); 9] = [
    (".lora_A.weight", Role::Down),
    (".lora_A.default.weight", Role::Down),
    (".lora_down.weight", Role::Down),
    (".lora.down.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_B.default.weight", Role::Up),
    (".lora_up.weight", Role::Up),
    (".lora.up.weight", Role::Up),
    (".alpha", Role::Alpha),
];

/// Beginnings of names, and what wrote them.
const BEGINNINGS: [(&str, Format); 5] = [
    ("base_model.model.", Format::Peft),
    ("transformer.", Format::Diffusers),
    ("unet.", Format::Diffusers),
    ("lora_unet_", Format::Kohya),
    ("lora_transformer_", Format::Kohya),
];

/// Parts of names of other kinds of adapters.
const OTHERS: [(&str, &str); 6] = [
    ("lora_magnitude_vector", "DoRA"),
    ("dora_scale", "DoRA"),
    ("lora_embedding_", "a LoRA of embeddings"),
    ("hada_w", "LoHa"),
    ("lokr_w", "LoKr"),
    (".oft_", "OFT"),
];

/// The kind of adapter, if it is another one than LoRA of linear layers.
pub(crate) fn other_kind(name: &str) -> Option<&'static str> {
    let found = OTHERS.iter().find(|(part, _)| name.contains(part));
    found.map(|(_, kind)| *kind)
}

/// Who wrote a tensor of that name, the module path of its layer, and what it is to it; or nothing
/// if the flow has no such layer.
pub(crate) fn placed(name: &str, layers: &Layers) -> Option<(Format, String, Role)> {
    let (layer, role) = ENDS
        .iter()
        .find_map(|(end, role)| Some((name.strip_suffix(end)?, *role)))?;
    let begun = BEGINNINGS
        .iter()
        .find_map(|(beginning, format)| Some((layer.strip_prefix(beginning)?, *format)));
    // Without a beginning it is as diffusers writes a single network.
    let (layer, format) = begun.unwrap_or((layer, Format::Diffusers));
    let path = match format {
        Format::Kohya => layers.flattened(layer),
        Format::Peft | Format::Diffusers => layers.published(layer),
    };
    Some((format, path?.to_string(), role))
}
