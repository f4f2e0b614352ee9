//! Distillation: a student of few steps learns the paths of a frozen teacher, which needs prompts
//! and no targets,
//!
//! ```text
//! x_0 ~ source(prompt),   dx/dt = v_w(x, t | structure)        the teacher's path, guided by w
//! u(x_t, t, r) -> (x_r - x_t) / (r - t)                        the student, at states of that path
//! ```
//!
//! The student is the teacher's network reading two times, with the same weights to begin with: all
//! of them are trained, or an adapter beside them.

mod adapter;
mod config;
mod line;
mod method;
mod path_cache;
mod rows;
mod student;
mod task;
mod teacher;
mod time_pairs;

pub use adapter::AdapterDistillationTask;
pub use config::{DistillationConfig, StudentConfig, TeacherConfig};
pub use method::DistillationMethod;
pub use task::{DistillationTask, NetworkDistillationTask};
pub use teacher::{Teacher, TeacherPaths};
pub use time_pairs::{TimePair, TimePairs};
