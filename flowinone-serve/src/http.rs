//! HTTP: what each path answers, and what all answers have in common.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod capabilities;
pub(crate) mod events;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod listen;
pub(crate) mod login;
pub(crate) mod page;
pub(crate) mod pictures;
pub(crate) mod prompts;
pub(crate) mod sse;

#[cfg(test)]
pub(crate) mod tests;
