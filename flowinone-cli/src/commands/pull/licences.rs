//! The licences of what is fetched, told; those that restrict use are asked about.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::{Result, bail};
use flowinone_hub::Licence;
use flowinone_tasks::{LicenceNote, Provenance};

/// Tells the licences.
pub(crate) fn told(licences: &[&Licence]) {
    for licence in licences {
        let accept = if licence.accept {
            ", to be accepted"
        } else {
            ""
        };
        let note = licence
            .note
            .as_ref()
            .map_or(String::new(), |note| format!(" ({note})"));
        tell!(
            "licence: {}{accept}: {}{note}",
            licence.name,
            licence.address
        );
    }
}

/// Asks whether those that restrict use are accepted, unless the command line said so.
///
/// # Errors
/// They are not, or no one is there to be asked.
pub(crate) fn accepted(licences: &[&Licence], said: bool) -> Result<()> {
    let asked: Vec<&str> = licences
        .iter()
        .filter(|licence| licence.accept)
        .map(|licence| licence.name.as_str())
        .collect();
    if asked.is_empty() || said {
        return Ok(());
    }
    let names = asked.join(" and ");
    if !stdin().is_terminal() {
        bail!("{names}: read what is named above, and run the same command with --accept-licence");
    }
    tell!("Do you accept {names}? [y/N]");
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("not accepted: nothing was fetched"),
    }
}

/// What is written beside a model.
pub(crate) fn provenance(files: Vec<String>, licences: &[&Licence]) -> Provenance {
    let note = |licence: &&Licence| LicenceNote {
        name: licence.name.clone(),
        address: Some(licence.address.clone()),
    };
    Provenance {
        files,
        licences: licences.iter().map(note).collect(),
    }
}
