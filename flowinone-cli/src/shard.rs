//! `--shard`: one share of a run, for machines that divide it among them.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::str::FromStr;

use anyhow::{Result, bail};
use flowinone_tasks::batch::{Jobs, Report, Shard};
use flowinone_tasks::{Session, Settings};

/// Which share of the work is done.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ShardOptions {
    /// Do only shard I of N, such as 2/8; all N together make what one run would. auto takes both
    /// from a Slurm array (SLURM_ARRAY_TASK_ID and its kin), auto/N takes I from there or from an
    /// indexed job of Kubernetes (JOB_COMPLETION_INDEX)
    #[arg(long, value_name = "I/N|auto|auto/N")]
    shard: Option<Choice>,
}

/// A shard as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Given(Shard),
    Auto(Option<u64>),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("auto") {
            None => text.parse().map(Self::Given),
            Some("") => Ok(Self::Auto(None)),
            Some(count) => {
                let count = count.strip_prefix('/').and_then(|n| n.parse().ok());
                let count = count.filter(|count| Shard::new(0, *count).is_ok());
                count
                    .map(|count| Self::Auto(Some(count)))
                    .ok_or_else(|| format!("{text:?} is no shard; write auto/N, such as auto/8"))
            }
        }
    }
}

impl ShardOptions {
    /// The shard, or `None` for all of the work.
    pub(crate) fn chosen(self) -> Result<Option<Shard>> {
        Ok(match self.shard {
            None => None,
            Some(Choice::Given(shard)) => Some(shard),
            Some(Choice::Auto(count)) => Some(from_environment(count, |name| {
                std::env::var(name).ok().filter(|value| !value.is_empty())
            })?),
        })
    }
}

/// Keeps the jobs of a shard, if one was chosen, and says so at the beginning of its report.
pub(crate) fn only(
    shard: Option<Shard>,
    jobs: &mut Jobs,
    mut report: Report,
    session: &Session,
    settings: &Settings,
) -> Result<Report> {
    if let Some(shard) = shard {
        report.begin(&jobs.shard(shard, session, settings)?)?;
    }
    Ok(report)
}

/// The shard that the environment of a Slurm array or of an indexed job names.
fn from_environment(count: Option<u64>, value: impl Fn(&str) -> Option<String>) -> Result<Shard> {
    let number = |name: &str| -> Result<Option<u64>> {
        match value(name).map(|text| (text.trim().parse(), text)) {
            None => Ok(None),
            Some((Ok(number), _)) => Ok(Some(number)),
            Some((Err(_), text)) => bail!("{name} is {text:?}, no number"),
        }
    };
    let (slurm, kubernetes) = (
        number("SLURM_ARRAY_TASK_ID")?,
        number("JOB_COMPLETION_INDEX")?,
    );
    let (index, count) = match (slurm, kubernetes) {
        (Some(_), Some(_)) => {
            bail!("both SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX are set; write --shard I/N")
        }
        (None, None) => bail!(
            "--shard auto needs SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, and neither is set; write --shard I/N"
        ),
        (Some(id), None) => {
            let tasks = number("SLURM_ARRAY_TASK_COUNT")?;
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let Some(tasks) = count.or(tasks) else {
                bail!("SLURM_ARRAY_TASK_COUNT is not set; write --shard auto/N");
            };
            let index = id.checked_sub(first).filter(|way| way.is_multiple_of(step));
            match index.map(|way| way / step) {
                Some(index) if index < tasks => (index, tasks),
                _ => bail!(
                    "task {id} is none of {tasks} from {first} on by {step}; make the array a range, such as --array=0-{}",
                    tasks.saturating_sub(1)
                ),
            }
        }
        (None, Some(index)) => match count {
            Some(count) => (index, count),
            None => bail!(
                "an indexed job does not say how many completions it has; write --shard auto/N"
            ),
        },
    };
    Shard::new(index, count).map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(count: Option<u64>, set: &[(&str, &str)]) -> Result<String> {
        let value = |name: &str| {
            let of = set.iter().find(|(of, _)| *of == name);
            of.map(|(_, value)| value.to_string())
        };
        Ok(from_environment(count, value)?.to_string())
    }

    #[test]
    fn arrays_and_indexed_jobs_name_their_shard() {
        let slurm = |id, more: &[(&'static str, &'static str)]| {
            let mut set = vec![("SLURM_ARRAY_TASK_ID", id)];
            set.extend(more);
            set
        };
        let count = ("SLURM_ARRAY_TASK_COUNT", "4");
        assert_eq!(found(None, &slurm("0", &[count])).unwrap(), "1 of 4");
        let from_one = [count, ("SLURM_ARRAY_TASK_MIN", "1")];
        assert_eq!(found(None, &slurm("4", &from_one)).unwrap(), "4 of 4");
        let by_ten = [
            count,
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_STEP", "10"),
        ];
        assert_eq!(found(None, &slurm("30", &by_ten)).unwrap(), "3 of 4");
        assert_eq!(
            found(Some(8), &[("JOB_COMPLETION_INDEX", "7")]).unwrap(),
            "8 of 8"
        );
        for (count, set, reason) in [
            (None, vec![], "neither is set"),
            (None, vec![("JOB_COMPLETION_INDEX", "7")], "auto/N"),
            (Some(7), vec![("JOB_COMPLETION_INDEX", "7")], "8 of 7"),
            (Some(7), vec![("JOB_COMPLETION_INDEX", "x")], "no number"),
            (None, slurm("9", &[count_of_four()]), "a range"),
            (None, slurm("15", &by_ten), "a range"),
            (None, slurm("1", &[]), "auto/N"),
            (
                Some(2),
                slurm("1", &[("JOB_COMPLETION_INDEX", "1")]),
                "both",
            ),
        ] {
            let text = found(count, &set).unwrap_err().to_string();
            assert!(text.contains(reason), "{set:?}: {text}");
        }
    }

    fn count_of_four() -> (&'static str, &'static str) {
        ("SLURM_ARRAY_TASK_COUNT", "4")
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!("auto".parse(), Ok(Choice::Auto(None)));
        assert_eq!("auto/3".parse(), Ok(Choice::Auto(Some(3))));
        for bad in ["auto/0", "auto3", "auto/x", "3", "0/3", "", "automatic"] {
            assert!(bad.parse::<Choice>().is_err(), "{bad}");
        }
    }
}
