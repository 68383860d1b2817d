//! Findings: their identity, and what people decide about them (triage).

mod fingerprint;
mod state;
mod triage;
mod upload;

pub use fingerprint::{Fingerprint, NotAFingerprint, finding_id, fingerprint};
pub use state::{NotATriageState, TriageState};
pub use triage::{FindingEvent, Triage, TriageCommand, TriageRefusal, TriageStatus, Triaged, finding_stream};
pub use upload::{Columns, Confidence, RuleTags, Transitivity, UploadFacts, UploadedPackage, Validation};
