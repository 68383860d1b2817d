//! Archives, unpacked by the source crate.

use scanledger_commands::ports::{UnpackProblem, UnpackedFacts, Unpacker};
use scanledger_domain::source::SourceTree;
use scanledger_source::{UnpackError, UnpackLimits};
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
            Err(error) => Err(problem(error)),
        }
    }

    fn recognise(&self, archive: &Path, file_name: &str) -> Result<(), UnpackProblem> {
        scanledger_source::recognise(archive, Some(file_name)).map_err(problem)
    }
}

fn problem(error: UnpackError) -> UnpackProblem {
    if error.is_input_fault() {
        return UnpackProblem { is_input_fault: true, message: error.to_string(), source: None };
    }
    UnpackProblem {
        is_input_fault: false,
        message: "the server could not unpack the archive".to_owned(),
        source: Some(error.into()),
    }
}
