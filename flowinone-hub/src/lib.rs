#![doc = include_str!("../README.md")]

mod address;
mod cache;
mod catalog;
mod client;
mod digester;
mod environment;
mod error;
mod event;
mod hub;
mod part;
mod patience;
mod refusal;
mod reply;
mod repository;
mod space;
mod transfer;
mod workplace;

pub use catalog::{Catalog, Dataset, Licence, Published, PublishedFile};
pub use environment::{Environment, Token};
pub use error::Error;
pub use event::Event;
pub use hub::{Found, Hub, Listed, Listing};
pub use patience::Patience;
pub use reply::Facts;
pub use repository::{Kind, Place, Repository, Wanted};
pub use space::available;
pub use workplace::Workplace;
