//! How far reactors and publishers have come, by name.

use crate::store::CheckpointRows;
use crate::{StateError, failed};
use scanledger_commands::ports;
use scanledger_domain::Cause;
use std::sync::Arc;

/// Small values by name, each durable when it was put.
pub struct Checkpoints {
    rows: Arc<dyn CheckpointRows>,
}

impl Checkpoints {
    pub(crate) fn new(rows: Arc<dyn CheckpointRows>) -> Self {
        Self { rows }
    }

    /// The value put last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.rows.find(name).map_err(failed("read a checkpoint"))
    }

    /// Keeps `value` under `name` instead of what was there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put(&self, name: &str, value: &[u8]) -> Result<(), StateError> {
        self.rows.put(name, value).map_err(failed("write a checkpoint"))
    }

    /// Keeps `value` under `name` if what is there is exactly `before` (`None`: nothing); `false` if it is not. Of
    /// several that replace the same value at the same time, in whatever process, one succeeds.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, StateError> {
        self.rows.replace(name, before, value).map_err(failed("replace a checkpoint"))
    }
}

impl ports::Checkpoints for Checkpoints {
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        Ok(Self::find(self, name)?)
    }

    fn put(&self, name: &str, value: &[u8]) -> Result<(), Cause> {
        Ok(Self::put(self, name, value)?)
    }

    fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, Cause> {
        Ok(Self::replace(self, name, before, value)?)
    }
}
