//! Adapters behind the ports of `commands` and `api` that only join what other crates offer.

mod blob_uses;
mod clock;
mod documents;
mod probe;
mod read_model;
mod rules;
mod scan_results;
mod unpacker;
mod usage;

pub use blob_uses::ViewsBlobUses;
pub use clock::{SystemClock, TimeOrderedIds};
pub use documents::StateDocumentCalls;
pub use probe::ServerProbe;
pub use read_model::ViewsReadModel;
pub use rules::OwnRules;
pub use scan_results::ViewsScanResults;
pub use unpacker::ArchiveUnpacker;
pub use usage::StateKeyUsage;
