//! The judge's report: by subset, by scenario and in all, and every item with its scores.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::benchmark::Prompt;
use super::journal::{Entry, Outcome};
use super::question::Scenario;
use super::verdict::Verdict;
use flowinone_prompts::Task;

/// All that a judge has said about a folder of results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The judge.
    pub model: String,
    /// The subsets that the benchmark has, in the order of [`Task::ALL`].
    pub subsets: Vec<Subset>,
    /// Pictures from words (VP-Bench's scenario A) and changed pictures (B).
    pub scenarios: [Tally; 2],
    /// Everything.
    pub all: Tally,
    /// Names of prompts without a result, as `SUBSET/NAME`.
    pub missing: Vec<String>,
    /// What the benchmark holds besides prompts, and why it was left out.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// What was settled, in the order of the benchmark.
    pub items: Vec<Entry>,
}

/// One subset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subset {
    /// Its name.
    pub name: String,
    /// Its counts.
    pub tally: Tally,
}

/// Counts and means over some items.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Prompts that have a result.
    pub results: usize,
    /// Prompts without a result; they count nowhere else.
    pub missing: usize,
    /// Results with a verdict.
    pub judged: usize,
    /// Results whose four scores are all above 3.
    pub passed: usize,
    /// Share of the results that passed; those without a verdict did not. None without results.
    pub ratio: Option<f64>,
    /// Mean scores of those judged: fidelity, consistency, realism, spatial.
    pub mean: Option<[f64; 4]>,
}

impl Judgement {
    /// Sums up: `entries` are those of the `prompts` that were settled.
    pub(crate) fn of(model: &str, prompts: &[(Prompt, Option<Entry>)]) -> Self {
        let tally = |wanted: &dyn Fn(Task) -> bool| {
            Tally::of(prompts.iter().filter(|(prompt, _)| wanted(prompt.task)))
        };
        let subset = |task: Task| Subset {
            name: task.benchmark_name().into(),
            tally: tally(&|other| other == task),
        };
        let present = |subset: &Subset| subset.tally.results + subset.tally.missing > 0;
        let missing = prompts.iter().filter(|(prompt, _)| prompt.result.is_none());
        let name =
            |(prompt, _): &(Prompt, _)| format!("{}/{}", prompt.task.benchmark_name(), prompt.name);
        Self {
            model: model.into(),
            subsets: Task::ALL.into_iter().map(subset).filter(present).collect(),
            scenarios: [Scenario::Generation, Scenario::Editing]
                .map(|scenario| tally(&|task| Scenario::of(task) == scenario)),
            all: tally(&|_| true),
            missing: missing.map(name).collect(),
            left_out: vec![],
            items: prompts
                .iter()
                .filter_map(|(_, entry)| entry.clone())
                .collect(),
        }
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# VP-Bench, judged by {}\n\n", plain(&self.model));
        self.write(&mut text).expect("a string takes everything");
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "A result passes if all four scores are above 3.\n")?;
        writeln!(
            text,
            "| subset | results | judged | passed | ratio | fidelity | consistency | realism | spatial |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|"
        )?;
        for subset in &self.subsets {
            writeln!(text, "{}", subset.tally.row(&subset.name))?;
        }
        let [generation, editing] = &self.scenarios;
        writeln!(text, "{}", generation.row("*scenario A: from words*"))?;
        writeln!(text, "{}", editing.row("*scenario B: edits*"))?;
        writeln!(text, "{}", self.all.row("**all**"))?;
        if !self.missing.is_empty() {
            writeln!(text, "\n## Without a result ({})\n", self.missing.len())?;
            for name in &self.missing {
                writeln!(text, "- {}", plain(name))?;
            }
        }
        if !self.left_out.is_empty() {
            writeln!(
                text,
                "\n## Left out of the benchmark ({})\n",
                self.left_out.len()
            )?;
            for reason in &self.left_out {
                writeln!(text, "- {}", plain(reason))?;
            }
        }
        writeln!(text, "\n## Items\n")?;
        for entry in &self.items {
            let question = &entry.question;
            let name = plain(&format!("{}/{}", question.subset, question.name));
            match &entry.outcome {
                Outcome::Verdict(verdict) => {
                    let word = if verdict.passes() { "pass" } else { "fail" };
                    let scores = verdict.scores().map(|score| score.to_string()).join(", ");
                    let analysis = plain(&verdict.analysis);
                    writeln!(text, "- {name}: **{word}** ({scores}) {analysis}")?;
                }
                Outcome::Error(reason) => {
                    writeln!(text, "- {name}: not judged: {}", plain(reason))?;
                }
            }
        }
        Ok(())
    }
}

impl Tally {
    fn of<'a>(prompts: impl Iterator<Item = &'a (Prompt, Option<Entry>)>) -> Self {
        let mut tally = Self::default();
        let mut sums = [0u64; 4];
        for (prompt, entry) in prompts {
            if prompt.result.is_none() {
                tally.missing += 1;
                continue;
            }
            tally.results += 1;
            if let Some(verdict) = entry.as_ref().and_then(Entry::verdict) {
                tally.judged += 1;
                tally.passed += usize::from(verdict.passes());
                for (sum, score) in sums.iter_mut().zip(verdict.scores()) {
                    *sum += u64::from(score);
                }
            }
        }
        let judged = tally.judged as f64;
        tally.mean = (tally.judged > 0).then(|| sums.map(|sum| sum as f64 / judged));
        tally.ratio = (tally.results > 0).then(|| tally.passed as f64 / tally.results as f64);
        tally
    }

    fn row(&self, name: &str) -> String {
        let ratio = self.ratio.map_or("-".into(), |ratio| format!("{ratio:.3}"));
        let mean = match self.mean {
            Some(mean) => mean.map(|score| format!("{score:.2}")),
            None => [const { String::new() }; 4].map(|_| "-".into()),
        };
        let (results, judged, passed) = (self.results, self.judged, self.passed);
        let mean = mean.join(" | ");
        format!("| {name} | {results} | {judged} | {passed} | {ratio} | {mean} |")
    }
}

impl Entry {
    /// The verdict, if there is one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.outcome {
            Outcome::Verdict(verdict) => Some(verdict),
            Outcome::Error(_) => None,
        }
    }
}

/// Words of others on one line, with nothing that Markdown would act upon.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let escape = |c: char| match c {
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' => vec!['\\', c],
        c => vec![c],
    };
    line.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::super::journal::Asked;
    use super::*;

    fn item(task: Task, name: &str, scores: Option<[u8; 4]>) -> (Prompt, Option<Entry>) {
        let prompt = Prompt {
            task,
            name: name.into(),
            picture: "a.png".into(),
            instruction: None,
            result: Some("b.png".into()),
        };
        let outcome = match scores {
            Some([fidelity, consistency, realism, spatial]) => Outcome::Verdict(Verdict {
                fidelity,
                consistency,
                realism,
                spatial,
                analysis: "a | b <script>\n# c".into(),
            }),
            None => Outcome::Error("HTTP 500: no".into()),
        };
        let question = Asked {
            subset: task.benchmark_name().into(),
            name: name.into(),
            model: "eye".into(),
            instruction: None,
            prompt_sha256: String::new(),
            result_sha256: String::new(),
        };
        let entry = Entry {
            question,
            tries: 1,
            outcome,
        };
        (prompt, Some(entry))
    }

    #[test]
    fn subsets_scenarios_and_all_are_summed_up() {
        let mut lost = item(Task::Force, "lost", None);
        (lost.0.result, lost.1) = (None, None);
        let judgement = Judgement::of(
            "eye",
            &[
                item(Task::ClassToImage, "cat", Some([5, 5, 4, 4])),
                item(Task::Force, "a", Some([5, 4, 3, 4])),
                item(Task::Force, "b", Some([4, 4, 4, 5])),
                item(Task::Force, "c", None),
                lost,
            ],
        );
        let names: Vec<&str> = judgement.subsets.iter().map(|s| &*s.name).collect();
        assert_eq!(names, ["class2image", "force"]);
        let force = &judgement.subsets[1].tally;
        let counts = [force.results, force.missing, force.judged, force.passed];
        assert_eq!(counts, [3, 1, 2, 1]);
        assert!(
            (force.ratio.unwrap() - 1.0 / 3.0).abs() < 1e-9,
            "unjudged is not passed"
        );
        assert_eq!(force.mean, Some([4.5, 4.0, 3.5, 4.5]));
        assert_eq!(judgement.scenarios[0].passed, 1);
        assert_eq!((judgement.all.results, judgement.all.passed), (4, 2));

        let text = judgement.markdown();
        for line in [
            "| class2image | 1 | 1 | 1 | 1.000 | 5.00 | 5.00 | 4.00 | 4.00 |",
            "| force | 3 | 2 | 1 | 0.333 | 4.50 | 4.00 | 3.50 | 4.50 |",
            "| **all** | 4 | 3 | 2 | 0.500 | 4.67 | 4.33 | 3.67 | 4.33 |",
            "- force/lost",
            "- force/a: **fail** (5, 4, 3, 4) a \\| b \\<script\\> \\# c",
            "- force/c: not judged: HTTP 500: no",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let json = serde_json::to_string(&judgement).unwrap();
        assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judgement);
    }
}
