//! `[procedural]`: what all `[data.procedural]` of a configuration share.
//!
//! Tables are joined key by key; whatever else a source says itself stands instead of what is
//! shared.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Fault;

/// The key of what is shared, and that of a source which shares it.
const KEY: &str = "procedural";

/// Puts what is shared into every procedural source.
///
/// # Errors
/// There is something to share and no such source.
pub(crate) fn share(document: &mut DeTable<'_>) -> Result<(), Fault> {
    let Some(shared) = document.remove(KEY) else {
        return Ok(());
    };
    let mut used = false;
    if let Some(DeValue::Array(data)) = document.get_mut("data").map(Spanned::get_mut) {
        for source in data.iter_mut() {
            if let DeValue::Table(source) = source.get_mut()
                && let Some(own) = source.get_mut(KEY)
            {
                join(own, &shared);
                used = true;
            }
        }
    }
    match used {
        true => Ok(()),
        false => Err(Fault {
            key: KEY,
            reason: "is shared by all [data.procedural], but there is none".into(),
        }),
    }
}

fn join<'i>(own: &mut Spanned<DeValue<'i>>, shared: &Spanned<DeValue<'i>>) {
    let (DeValue::Table(own), DeValue::Table(shared)) = (own.get_mut(), shared.get_ref()) else {
        return;
    };
    for (key, value) in shared {
        match own.get_mut(key.get_ref().as_ref()) {
            Some(own) => join(own, value),
            None => {
                own.insert(key.clone(), value.clone());
            }
        }
    }
}
