//! Archives, unpacked by the source crate.

use scanledger_commands::ports::{UnpackProblem, UnpackedFacts, Unpacker};
use scanledger_source::UnpackLimits;
use std::path::Path;

/// Unpacks within the product's limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct ArchiveUnpacker;

impl Unpacker for ArchiveUnpacker {
    fn unpack(
        &self,
        archive: &Path,
        file_name: &str,
        destination: &Path,
    ) -> Result<UnpackedFacts, UnpackProblem> {
        match scanledger_source::unpack(archive, Some(file_name), destination, &UnpackLimits::default()) {
            Ok(unpacked) => {
                Ok(UnpackedFacts { files: unpacked.files, bytes: unpacked.bytes, skipped: unpacked.skipped })
            }
            Err(error) if error.is_input_fault() => {
                Err(UnpackProblem { is_input_fault: true, message: error.to_string(), source: None })
            }
            Err(error) => Err(UnpackProblem {
                is_input_fault: false,
                message: "the server could not unpack the archive".to_owned(),
                source: Some(error.into()),
            }),
        }
    }
}
