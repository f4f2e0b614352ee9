//! What happens in a run.

use crate::LogEntry;

/// What happened in a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrainEvent {
    /// A step was taken, with its losses.
    Step(LogEntry),
    /// A step was skipped: its loss or gradient was not finite. It is told before the step.
    Skipped {
        /// Number of the step.
        step: u64,
    },
    /// The averaged model was validated.
    Validated(LogEntry),
    /// A checkpoint was written.
    Saved {
        /// Steps done.
        step: u64,
    },
    /// The run is over.
    Ended(StopReason),
}

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// All steps are done.
    Complete,
    /// It was asked to stop; it can be resumed.
    Stopped,
    /// The data has ended before the steps.
    DataEnded,
}
