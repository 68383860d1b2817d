//! Adapters behind the ports of `commands` and `api` that only join what other crates offer.

mod clock;
mod probe;
mod read_model;
mod unpacker;
mod usage;

pub use clock::{SystemClock, TimeOrderedIds};
pub use probe::ServerProbe;
pub use read_model::ViewsReadModel;
pub use unpacker::ArchiveUnpacker;
pub use usage::StateKeyUsage;
