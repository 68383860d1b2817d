//! Archives, unpacked by the source crate.

use scanledger_commands::ports::{UnpackProblem, UnpackedFacts, Unpacker};
use scanledger_domain::source::SourceTree;
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
    ) -> Result<(SourceTree, UnpackedFacts), UnpackProblem> {
        match scanledger_source::unpack(archive, Some(file_name), destination, &UnpackLimits::default()) {
            Ok((tree, unpacked)) => {
                let (files, bytes, skipped) = (unpacked.files, unpacked.bytes, unpacked.skipped);
                Ok((tree, UnpackedFacts { files, bytes, skipped }))
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
