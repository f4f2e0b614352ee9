//! Counts and times in Prometheus' text format, for programs that run sessions for others. Labels
//! are names from the code, never what a request says, so that their number is bounded.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Upper edges of the buckets of times, in seconds.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Upper edges of the buckets of numbers of pictures.
const SIZES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// A metric: its name, its kind (`counter`, `gauge` or `histogram`) and its help text. Histograms
/// whose name ends in `_seconds` count times, others numbers of pictures.
pub type Metric = (&'static str, &'static str, &'static str);

/// One metric with its labels, `name{label="value"}`.
type Series = (&'static str, String);

#[derive(Debug, Default)]
struct Histogram {
    counts: Vec<u64>,
    sum: f64,
    count: u64,
}

/// All counts and times of a program.
#[derive(Debug)]
pub struct Metrics {
    names: &'static [Metric],
    counts: Mutex<BTreeMap<Series, f64>>,
    times: Mutex<BTreeMap<Series, Histogram>>,
}

impl Metrics {
    /// No counts yet of these metrics.
    pub fn new(names: &'static [Metric]) -> Self {
        Self {
            names,
            counts: Mutex::default(),
            times: Mutex::default(),
        }
    }

    /// Adds to a counter, or a gauge that goes up and down.
    pub fn add(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((name, text(labels))).or_default() += value;
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.insert((name, text(labels)), value);
    }

    /// Counts a value into a histogram.
    pub fn observe(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let edges = edges(name);
        let histogram = times.entry((name, text(labels))).or_default();
        histogram.counts.resize(edges.len(), 0);
        if let Some(bucket) = edges.iter().position(|edge| value <= *edge) {
            histogram.counts[bucket] += 1;
        }
        histogram.sum += value;
        histogram.count += 1;
    }

    /// All of them in Prometheus' text format.
    pub fn render(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for &(name, kind, help) in self.names {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for ((_, labels), value) in counts.iter().filter(|((of, _), _)| *of == name) {
                let braces = if labels.is_empty() {
                    String::new()
                } else {
                    format!("{{{labels}}}")
                };
                let _ = writeln!(out, "{name}{braces} {value}");
            }
            for ((_, labels), histogram) in times.iter().filter(|((of, _), _)| *of == name) {
                histogram.render(&mut out, name, labels);
            }
        }
        out
    }
}

impl Histogram {
    fn render(&self, out: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (edge, count) in edges(name).iter().zip(&self.counts) {
            below += count;
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{edge}\"}} {below}");
        }
        let _ = writeln!(
            out,
            "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}",
            self.count
        );
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{labels}}}")
        };
        let _ = writeln!(
            out,
            "{name}_sum{braces} {}\n{name}_count{braces} {}",
            self.sum, self.count
        );
    }
}

fn edges(name: &str) -> &'static [f64] {
    match name.ends_with("_seconds") {
        true => &SECONDS,
        false => &SIZES,
    }
}

fn text(labels: &[(&str, &str)]) -> String {
    let escaped = |value: &str| {
        value
            .replace('\\', r"\\")
            .replace('"', r#"\""#)
            .replace('\n', " ")
    };
    let one = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
    labels.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [Metric; 3] = [
        ("flowinone_job_seconds", "histogram", "Times."),
        ("flowinone_jobs_total", "counter", "Jobs."),
        ("flowinone_ready", "gauge", "Whether it is."),
    ];

    #[test]
    fn histograms_are_cumulative_and_end_in_infinity() {
        let metrics = Metrics::new(&NAMES);
        for seconds in [0.004, 0.02, 7.0, 1000.0] {
            metrics.observe("flowinone_job_seconds", &[("task", "force")], seconds);
        }
        metrics.add(
            "flowinone_jobs_total",
            &[("task", "force"), ("outcome", "done")],
            1.0,
        );
        metrics.set("flowinone_ready", &[], 1.0);
        let text = metrics.render();
        for line in [
            r#"flowinone_job_seconds_bucket{task="force",le="0.005"} 1"#,
            r#"flowinone_job_seconds_bucket{task="force",le="10"} 3"#,
            r#"flowinone_job_seconds_bucket{task="force",le="+Inf"} 4"#,
            r#"flowinone_job_seconds_count{task="force"} 4"#,
            r#"flowinone_jobs_total{task="force",outcome="done"} 1"#,
            "flowinone_ready 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
