//! The one writer: follows the log and applies events in batches, exactly once.

mod batch;
mod follow;
mod keys;
mod rebuild;
mod text;

use batch::Writer;
pub(crate) use batch::{ApplyError, Decoded, Scratch};
pub use follow::{Health, Projector, ProjectorError};
pub use rebuild::build;
pub(crate) use text::Texts;
