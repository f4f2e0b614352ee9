//! How varied pairs are: everything by default, less for a small model that begins to learn.

use serde::{Deserialize, Serialize};

use super::Error;

/// What of all that can differ between pairs does differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variety {
    /// Most objects of a scene, 1 to 3; what an operation adds comes on top.
    pub objects: usize,
    /// Number of templates used of each family of captions, counted from the first. If `None`, all.
    pub templates: Option<usize>,
    /// How words are written, one of these for each pair.
    pub letterings: Vec<Lettering>,
    /// Size of words, in units of the published prompts'.
    pub text_scale: f32,
    /// Whether captions on a canvas stand anywhere; otherwise in its middle.
    pub text_moves: bool,
    /// Whether backgrounds have gradients and textures; otherwise plain ones only.
    pub patterns: bool,
    /// Whether objects of a scene may be turned.
    pub rotations: bool,
    /// What written instructions ask for.
    pub edits: Vec<EditKind>,
    /// What is asked of marked objects: of these, those that a mark can ask for.
    pub marked: Vec<EditKind>,
    /// What captions describe.
    pub captions: Vec<CaptionKind>,
    /// How sentences are put.
    #[serde(skip_serializing_if = "Language::is_default")]
    pub language: Language,
    /// Whether objects of 15 to 70 % of the side stand anywhere, some cut by the edge and some in a
    /// colour, on grounds of any shade that its name fits; otherwise they are of similar size,
    /// above the words, on grounds near the plainest shade.
    #[serde(skip_serializing_if = "is_off")]
    pub free: bool,
    /// Whether marks, strokes and words differ as if drawn by many hands: in kind, place, colour
    /// and size; otherwise they are exact and look alike.
    #[serde(skip_serializing_if = "is_off")]
    pub by_hand: bool,
}

/// Options that a configuration does not name leave its fingerprint as it was before there were
/// any.
pub(crate) fn is_off(option: &bool) -> bool {
    !option
}

/// How the words of a prompt are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lettering {
    /// A serif face.
    Serif,
    /// The same in bold.
    SerifBold,
    /// A face like handwriting.
    Comic,
}

impl Lettering {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Serif, Self::SerifBold, Self::Comic];
}

/// How sentences are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// By a few templates in lower case.
    #[default]
    Templates,
    /// As people put them: in many forms, with other names of things, in any case, with or without
    /// a full stop, politely or not.
    Natural,
}

impl Language {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A kind of change to a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EditKind {
    /// A new thing appears.
    Add,
    /// A thing disappears.
    Remove,
    /// A thing becomes another.
    Replace,
    /// A thing takes another colour.
    Recolour,
    /// A thing moves.
    Move,
    /// A thing grows.
    Enlarge,
    /// A thing shrinks.
    Shrink,
    /// The background changes.
    Ground,
}

impl EditKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Add,
        Self::Remove,
        Self::Replace,
        Self::Recolour,
        Self::Move,
        Self::Enlarge,
        Self::Shrink,
        Self::Ground,
    ];

    /// Those that a mark can ask for.
    pub const MARKED: [Self; 3] = [Self::Remove, Self::Replace, Self::Recolour];
}

/// What the caption of a picture describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionKind {
    /// A coloured thing, on the background on which the caption is written.
    Tinted,
    /// A thing on a background.
    One,
    /// A thing at a place, on a background.
    Placed,
    /// Two things side by side, on a background.
    Beside,
    /// Two things, one above the other, on a background.
    Above,
    /// As many things as find room, anywhere, which the caption does not name: for a network that
    /// learns to draw before anything reads prompts for it.
    Many,
}

impl CaptionKind {
    /// Those whose words say what the picture shows.
    pub const ALL: [Self; 5] = [
        Self::Tinted,
        Self::One,
        Self::Placed,
        Self::Beside,
        Self::Above,
    ];
}

impl Variety {
    /// Everything.
    pub fn full() -> Self {
        Self {
            objects: 3,
            templates: None,
            letterings: Lettering::ALL.to_vec(),
            text_scale: 1.0,
            text_moves: true,
            patterns: true,
            rotations: true,
            edits: EditKind::ALL.to_vec(),
            marked: EditKind::MARKED.to_vec(),
            captions: CaptionKind::ALL.to_vec(),
            language: Language::Templates,
            free: false,
            by_hand: false,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let bad = |reason: String| Err(Error::Config(format!("variety: {reason}")));
        if !(1..=3).contains(&self.objects) {
            return bad(format!("{} objects, expected 1 to 3", self.objects));
        }
        if self.templates == Some(0) || self.letterings.is_empty() {
            return bad("at least one template and one lettering are needed".into());
        }
        if !(0.5..=4.0).contains(&self.text_scale) {
            return bad(format!("text scale {}, expected 0.5 to 4", self.text_scale));
        }
        if self.edits.is_empty() || self.marked.is_empty() || self.captions.is_empty() {
            return bad("edits, marked and captions must each name at least one kind".into());
        }
        match self
            .marked
            .iter()
            .find(|kind| !EditKind::MARKED.contains(kind))
        {
            Some(kind) => bad(format!("a mark cannot ask for {kind:?}")),
            None => Ok(()),
        }
    }
}

impl Default for Variety {
    fn default() -> Self {
        Self::full()
    }
}
