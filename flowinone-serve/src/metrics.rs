//! Counts and times in Prometheus' text format. Labels are names from the code, never what a
//! request says, so that their number is bounded.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Upper edges of the times' buckets, in seconds.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Upper edges of the buckets of numbers of pictures.
const SIZES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The metrics: name, kind and help.
const NAMES: [(&str, &str, &str); 16] = [
    (
        "flowinone_jobs_total",
        "counter",
        "Jobs that ended, by task and outcome.",
    ),
    (
        "flowinone_rejected_total",
        "counter",
        "Requests that were refused, by reason.",
    ),
    ("flowinone_queue_length", "gauge", "Jobs that wait."),
    (
        "flowinone_queue_capacity",
        "gauge",
        "Most jobs that may wait.",
    ),
    ("flowinone_jobs_running", "gauge", "Jobs that are computed."),
    ("flowinone_ready", "gauge", "Whether new jobs are taken."),
    (
        "flowinone_build_info",
        "gauge",
        "Version, model and device.",
    ),
    (
        "flowinone_stored_bytes",
        "gauge",
        "Bytes of pictures and uploads that are kept.",
    ),
    (
        "flowinone_queue_seconds",
        "histogram",
        "Time from acceptance to the first step.",
    ),
    (
        "flowinone_job_seconds",
        "histogram",
        "Time from the first step to the picture, by task.",
    ),
    (
        "flowinone_step_seconds",
        "histogram",
        "Time of a step of a batch.",
    ),
    (
        "flowinone_batch_size",
        "histogram",
        "Pictures that were computed together.",
    ),
    (
        "http_requests_total",
        "counter",
        "Answers, by method, route and status.",
    ),
    (
        "http_request_duration_seconds",
        "histogram",
        "Time until the answer began, by method and route.",
    ),
    (
        "http_requests_in_flight",
        "gauge",
        "Requests that are being answered.",
    ),
    (
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the process.",
    ),
];

/// One metric with its labels, `name{label="value"}`.
type Series = (&'static str, String);

#[derive(Debug, Default)]
struct Histogram {
    counts: Vec<u64>,
    sum: f64,
    count: u64,
}

/// All counts and times of a server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counts: Mutex<BTreeMap<Series, f64>>,
    times: Mutex<BTreeMap<Series, Histogram>>,
}

impl Metrics {
    /// Adds to a counter, or a gauge that goes up and down.
    pub(crate) fn add(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((name, text(labels))).or_default() += value;
    }

    /// Sets a gauge.
    pub(crate) fn set(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.insert((name, text(labels)), value);
    }

    /// Counts a value into a histogram.
    pub(crate) fn observe(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
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
    pub(crate) fn render(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for (name, kind, help) in NAMES {
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

/// Memory of the process in bytes, where the system tells it.
pub(crate) fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_cumulative_and_end_in_infinity() {
        let metrics = Metrics::default();
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
