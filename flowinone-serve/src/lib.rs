#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("flowinone-serve needs a Unix system: it listens on unix sockets and hears SIGTERM");

mod access;
mod app;
mod asked;
mod config;
mod engine;
mod http;
mod id;
mod log;
mod metrics;
mod openai;
mod openapi;
mod operation;
mod page;
mod refusal;
mod request;
mod route;
mod router;
mod server;
mod store;
mod wire;

pub use config::{Config, Listen};
pub use log::Sink;
pub use server::{ServeError, document, serve};
