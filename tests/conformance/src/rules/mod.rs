//! The rules. Each takes a fresh harness on an empty log and panics when the rule is broken.

mod acceptance;
mod appending;
mod concurrency;
mod following;
mod idempotency;
mod keeping;
mod reading;

pub use acceptance::*;
pub use appending::*;
pub use concurrency::*;
pub use following::*;
pub use idempotency::*;
pub use keeping::*;
pub use reading::*;
