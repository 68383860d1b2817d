//! Findings: their identity, what people decide about them (triage), and which turn out to be one (merging).

mod fingerprint;
mod merging;
mod state;
mod triage;
mod upload;

pub use fingerprint::{Fingerprint, NotAFingerprint, finding_id, fingerprint};
pub use merging::{MergeCommand, MergeRefusal, Merged, Merging};
pub use state::{NotATriageState, TriageState};
pub use triage::{FindingEvent, Triage, TriageCommand, TriageRefusal, TriageStatus, Triaged, finding_stream};
pub use upload::{Columns, Confidence, RuleTags, Transitivity, UploadFacts, UploadedPackage, Validation};
