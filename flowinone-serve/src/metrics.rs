//! The metrics of the server.

use flowinone_tasks::{Metric, Metrics};

/// The metrics: name, kind and help.
const NAMES: [Metric; 16] = [
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

/// No counts yet.
pub(crate) fn none() -> Metrics {
    Metrics::new(&NAMES)
}
