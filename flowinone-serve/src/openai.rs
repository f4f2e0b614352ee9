//! OpenAI's Images API, as the client library of Python speaks it: models, generations and edits.
//!
//! Every field is read, refused with a reason, or listed as having no effect; a field of another
//! name is refused by that name.

mod edits;
mod fields;
mod images;
mod mask;
mod models;
mod reply;
mod stream;
mod wanted;

use crate::route::Route;

/// The routes.
pub(crate) fn routes() -> Vec<Route> {
    let mut all = models::routes();
    all.extend(images::routes());
    all
}
