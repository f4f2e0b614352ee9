#![doc = include_str!("../README.md")]

mod asked;
mod config;
mod engine;
mod http;
mod id;
mod log;
mod metrics;
mod openai;
mod openapi;
mod refusal;
mod request;
mod server;
mod store;
mod wire;

pub use config::{Config, Listen};
pub use log::Sink;
pub use server::{ServeError, document, serve};
