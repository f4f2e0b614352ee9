//! What a worker counts.

use flowinone_tasks::{Metric, Metrics};

/// The metrics of a worker.
const NAMES: [Metric; 13] = [
    (
        "flowinone_jobs_total",
        "counter",
        "Jobs that this worker settled, by outcome.",
    ),
    (
        "flowinone_tries_failed_total",
        "counter",
        "Tries of jobs that failed, the last ones too.",
    ),
    (
        "flowinone_taken_over_total",
        "counter",
        "Jobs taken over from workers that were lost.",
    ),
    (
        "flowinone_leases_lost_total",
        "counter",
        "Jobs that another worker took over from this one.",
    ),
    (
        "flowinone_redis_losses_total",
        "counter",
        "Connections to Redis that broke.",
    ),
    (
        "flowinone_queue_length",
        "gauge",
        "Jobs that wait, for all workers.",
    ),
    (
        "flowinone_queue_running",
        "gauge",
        "Jobs that are held, by all workers.",
    ),
    (
        "flowinone_jobs_running",
        "gauge",
        "Jobs that this worker holds.",
    ),
    (
        "flowinone_ready",
        "gauge",
        "Whether this worker takes jobs.",
    ),
    (
        "flowinone_step_seconds",
        "histogram",
        "Time of a step of a batch.",
    ),
    (
        "flowinone_write_seconds",
        "histogram",
        "Time that writing a picture took.",
    ),
    (
        "flowinone_batch_size",
        "histogram",
        "Pictures that were computed together.",
    ),
    (
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the process.",
    ),
];

/// Metrics of a worker, none counted yet.
pub fn metrics() -> Metrics {
    Metrics::new(&NAMES)
}
