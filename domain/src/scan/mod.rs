//! Scans: one look at a project's source, from the queue to its verdict.

mod client;
mod decider;
mod kind;
mod stored;

pub use client::{
    CLIENT_ATTEMPT, ClientEnd, ClientPeople, ClientRun, Extent, ResultsReceived, branch_of_client,
    branch_of_reference, plain_message, plain_text, plain_url, silence,
};
pub use decider::{Scan, ScanCommand, ScanLife, ScanRefusal, ScanState, must_run_alone, scan_stream};
pub use kind::{NotAScanType, ScanStatus, ScanType, Step};
pub use stored::{
    Cancelled, Completed, Deleted, Failed, Failure, FailureCode, Interruption, PartialKept, Paused, Queued,
    Requeued, Resumed, ScanEvent, ScanOutcome, ScannerReport, Settling, Source, SourceKind, Started, Stopped,
};
