//! What can go wrong with a file of weights, said so that a person can act on it.

use std::fmt;
use std::path::PathBuf;

/// An error while reading, matching or writing weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb ("open", "read", "write").
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not a checkpoint, or a damaged one.
    #[error(
        "{path} is not a readable checkpoint: {reason} (expected safetensors, a PyTorch .pth/.bin, or a *.index.json of shards)",
        path = path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// One tensor of a file cannot be used.
    #[error("{path}: tensor {name}: {reason}", path = path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// What was wrong with it.
        reason: String,
    },
    /// The names or shapes of a checkpoint do not fit the module.
    #[error("{0}")]
    Mismatch(Box<Mismatch>),
}

/// Every way in which a checkpoint differs from the module it should fill.
#[derive(Debug)]
pub struct Mismatch {
    /// The checkpoint.
    pub path: PathBuf,
    /// Module paths for which the checkpoint has no tensor.
    pub missing: Vec<String>,
    /// Tensors whose shape or element type does not fit, each with both shapes.
    pub misshapen: Vec<String>,
    /// Tensors that nobody asked for and that are not on the list of unused ones.
    pub unknown: Vec<String>,
    /// Parameters for which there is a tensor.
    pub found: usize,
    /// A beginning of names below which more of them lie: how many, of how many.
    pub below: Option<(String, usize, usize)>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not fit the model", self.path.display())?;
        let mut part = |what: &str, names: &[String], hint: &str| -> fmt::Result {
            if names.is_empty() {
                return Ok(());
            }
            let shown = names.iter().take(10).cloned().collect::<Vec<_>>();
            write!(f, "; {} {what}: {}", names.len(), shown.join(", "))?;
            if names.len() > shown.len() {
                write!(f, ", and {} more", names.len() - shown.len())?;
            }
            f.write_str(hint)
        };
        part("missing", &self.missing, "")?;
        part("misshapen", &self.misshapen, "")?;
        part("unknown", &self.unknown, " (they can be ignored)")?;
        if let Some((prefix, count, of)) = &self.below {
            return write!(
                f,
                "; {count} of the {of} parameters lie below {prefix:?}: is it of another version, or a part of it?"
            );
        }
        if !self.missing.is_empty() || !self.misshapen.is_empty() {
            f.write_str("; is this the right file for this configuration?")?;
        }
        Ok(())
    }
}

impl Error {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn format(path: impl Into<PathBuf>, reason: impl fmt::Display) -> Self {
        Self::Format {
            path: path.into(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn tensor(
        path: impl Into<PathBuf>,
        name: impl Into<String>,
        reason: impl fmt::Display,
    ) -> Self {
        Self::Tensor {
            path: path.into(),
            name: name.into(),
            reason: reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_names_ten_keys_and_counts_the_rest() {
        let text = Mismatch {
            path: "model.pth".into(),
            missing: (0..12).map(|i| format!("blocks.{i}")).collect(),
            misshapen: vec![],
            unknown: vec!["surprise".into()],
            found: 0,
            below: None,
        }
        .to_string();
        assert!(text.starts_with("model.pth does not fit the model; 12 missing: blocks.0, "));
        assert!(text.contains("blocks.9, and 2 more; 1 unknown: surprise (they can be ignored)"));
        assert!(!text.contains("blocks.10") && !text.contains("misshapen"));
    }
}
