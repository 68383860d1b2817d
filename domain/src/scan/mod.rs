//! Scans: one look at a project's source, from the queue to its verdict.

mod client;
mod decider;
mod kind;
mod people;
mod stored;

pub use client::{
    CLIENT_ATTEMPT, ClientEnd, ClientRun, Extent, ResultsReceived, branch_of_client, branch_of_reference,
    plain_message, plain_text, plain_url, silence,
};
pub use decider::{Scan, ScanCommand, ScanLife, ScanRefusal, ScanState, must_run_alone, scan_stream};
pub use kind::{NotAScanType, ScanStatus, ScanType, Step};
pub use people::ClientPeople;
pub use stored::{
    Cancelled, Completed, Deleted, Failed, Failure, FailureCode, GapReason, Interruption, PartialKept,
    Paused, Queued, Requeued, Resumed, ScanEvent, ScanOutcome, ScannerGap, ScannerReport, Settling, Source,
    SourceKind, Started, Stopped,
};
