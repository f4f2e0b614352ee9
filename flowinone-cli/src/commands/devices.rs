//! `flowinone devices`: what there is to compute on.

use anyhow::Result;

use flowinone_tasks::device;

use crate::Outcome;

pub(crate) fn run() -> Result<Outcome> {
    for found in device::list() {
        let note = if found.software {
            " (software, not chosen by auto)"
        } else {
            ""
        };
        out!("{:<10} {}{note}", found.choice.to_string(), found.name);
    }
    let left_out = device::left_out();
    if !left_out.is_empty() {
        out!(
            "not built in: {} (add with --features)",
            left_out.join(", ")
        );
    }
    Ok(Outcome::Done)
}
