//! Report formats: SARIF, CycloneDX, SPDX, CSV and HTML.
//!
//! Each is written from one [`Report`] alone, without a clock or randomness, so the same report always gives the
//! same bytes. Identifiers that have to be unique (serial number, document namespace) are UUIDv5 of the content.

mod cyclonedx;
mod file;
mod inventory;
mod page;
mod sarif;
mod spdx;
mod spreadsheet;
mod uri;
mod words;

pub use file::{content_type, dated_file_name, file_name};

use domain::Cause;
use domain::report::{Report, ReportError, ReportFormat, ReportWriter};
use scanledger_domain as domain;
use uuid::Uuid;

/// The name under which reports say who wrote them.
pub(crate) const TOOL: &str = "Scanledger";

/// The namespace of the identifiers that are made from a document's content (RFC 9562 §5.5).
const DOCUMENTS: Uuid = Uuid::from_u128(0x2072_2b1b_7766_4fbb_a011_7594_bf24_d806);

/// Writes reports in all formats.
#[derive(Debug, Clone, Copy)]
pub struct Formats {
    version: &'static str,
}

impl Formats {
    /// Formats that name the version of this crate as the one of the tool.
    pub const fn new() -> Self {
        Self::with_version(env!("CARGO_PKG_VERSION"))
    }

    /// Formats that name `version` as the version of the tool (`1.2.3`).
    pub const fn with_version(version: &'static str) -> Self {
        Self { version }
    }
}

impl Default for Formats {
    fn default() -> Self {
        Self::new()
    }
}

impl ReportWriter for Formats {
    /// # Errors
    /// Only for SBOMs, if a dependency names a component that the report does not have.
    fn write(&self, format: ReportFormat, report: &Report) -> Result<Vec<u8>, ReportError> {
        match format {
            ReportFormat::Sarif => sarif::write(report, self.version),
            ReportFormat::CycloneDx => cyclonedx::write(report, self.version),
            ReportFormat::Spdx => spdx::write(report, self.version),
            ReportFormat::Csv => spreadsheet::write(report),
            ReportFormat::Html => page::write(report, self.version),
        }
        .map_err(ReportError)
    }
}

/// The identifier of a document with this content.
fn document_id(content: &impl serde::Serialize) -> Result<Uuid, Cause> {
    Ok(Uuid::new_v5(&DOCUMENTS, &serde_json::to_vec(content)?))
}
