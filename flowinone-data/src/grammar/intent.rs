//! What sentences ask for.

/// What a sentence asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// A picture of a thing, by its name alone.
    Class,
    /// A picture of a thing, described.
    One,
    /// A thing on a ground of a colour.
    OnGround,
    /// Two things side by side, the first one left.
    Beside,
    /// Two things side by side on a ground of a colour.
    BesideOnGround,
    /// Two things, the first one above the second.
    Above,
    /// A named thing disappears.
    Remove,
    /// A named thing becomes another.
    Replace,
    /// The only thing there is becomes another.
    ReplaceIt,
    /// A named thing takes a colour.
    Recolour,
    /// The only thing there is takes a colour.
    RecolourIt,
    /// The ground takes a colour.
    Ground,
    /// A thing appears in a box.
    Fill,
    /// What a box holds disappears.
    Clear,
    /// The marked thing disappears.
    MarkRemove,
    /// The marked thing becomes another.
    MarkReplace,
    /// The marked thing takes a colour.
    MarkRecolour,
    /// A sketch becomes the thing it shows.
    Doodle,
    /// An arrow pushes a thing.
    Push,
    /// A thing moves along a path.
    Follow,
}

impl Intent {
    /// All of them.
    pub(crate) const ALL: [Self; 20] = [
        Self::Class,
        Self::One,
        Self::OnGround,
        Self::Beside,
        Self::BesideOnGround,
        Self::Above,
        Self::Remove,
        Self::Replace,
        Self::ReplaceIt,
        Self::Recolour,
        Self::RecolourIt,
        Self::Ground,
        Self::Fill,
        Self::Clear,
        Self::MarkRemove,
        Self::MarkReplace,
        Self::MarkRecolour,
        Self::Doodle,
        Self::Push,
        Self::Follow,
    ];

    /// Its name in the ground truth.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Class => "say-class",
            Self::One => "say-one",
            Self::OnGround => "say-on-ground",
            Self::Beside => "say-beside",
            Self::BesideOnGround => "say-beside-on-ground",
            Self::Above => "say-above",
            Self::Remove => "say-remove",
            Self::Replace => "say-replace",
            Self::ReplaceIt => "say-replace-it",
            Self::Recolour => "say-recolour",
            Self::RecolourIt => "say-recolour-it",
            Self::Ground => "say-ground",
            Self::Fill => "say-fill",
            Self::Clear => "say-clear",
            Self::MarkRemove => "say-mark-remove",
            Self::MarkReplace => "say-mark-replace",
            Self::MarkRecolour => "say-mark-recolour",
            Self::Doodle => "say-doodle",
            Self::Push => "say-push",
            Self::Follow => "say-follow",
        }
    }

    /// Whether the sentence asks for something to be done, so that "please" may go with it.
    pub(super) fn asks(self) -> bool {
        !matches!(
            self,
            Self::Class
                | Self::One
                | Self::OnGround
                | Self::Beside
                | Self::BesideOnGround
                | Self::Above
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_intents_are_unique() {
        for (at, intent) in Intent::ALL.iter().enumerate() {
            let same = |other: &Intent| other.name() == intent.name();
            assert!(!Intent::ALL[..at].iter().any(same));
        }
    }
}
