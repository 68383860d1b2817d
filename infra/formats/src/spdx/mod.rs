//! SPDX 2.3 JSON: packages, and who needs whom.

mod model;

use crate::document_id;
use crate::inventory::{Inventory, Merged};
use crate::uri;
use domain::Cause;
use domain::component::Scope;
use domain::report::Report;
use model::{CreationInfo, Document, ExternalRef, Package, Relationship};
use scanledger_domain as domain;
use std::collections::HashSet;
use uuid::Uuid;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const ROOT: &str = "SPDXRef-Package-Root";
/// What SPDX writes where nobody looked.
const UNKNOWN: &str = "NOASSERTION";

/// Writes the components of `report`.
pub(crate) fn write(report: &Report, version: &'static str) -> Result<Vec<u8>, Cause> {
    let inventory = Inventory::of(report)?;
    let ids = package_ids(&inventory.components);
    let packages = inventory.components.iter().zip(&ids).map(|(merged, id)| package(merged, id));
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        spdx_id: DOCUMENT,
        name: &report.project,
        document_namespace: namespace(&report.project, Uuid::nil()),
        creation_info: CreationInfo {
            created: report.created_at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            creators: [format!("Tool: {}-{version}", crate::TOOL)],
        },
        packages: std::iter::once(root_package(report)).chain(packages).collect(),
        relationships: relationships(&inventory, &ids),
    };
    document.document_namespace = namespace(&report.project, document_id(&document)?);
    Ok(serde_json::to_vec(&document)?)
}

/// The form that SPDX 2.3 §6.5 gives to documents whose maker has no place on the web to keep them.
fn namespace(project: &str, id: Uuid) -> String {
    format!("https://spdx.org/spdxdocs/{}-{id}", uri::Segment(project))
}

/// Identifiers that can be read and are unique; the same components give the same ones.
fn package_ids(components: &[Merged<'_>]) -> Vec<String> {
    let mut taken = HashSet::new();
    let readable = |merged: &Merged<'_>| {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let (name, version) = (&merged.package.name, merged.version);
        let text = format!("{}-{name}-{version}", merged.package.ecosystem.purl_type());
        format!("SPDXRef-Package-{}", text.chars().map(plain).collect::<String>())
    };
    let mut unique = |id: String| {
        let numbered = (2_usize..).map(|number| format!("{id}-{number}"));
        let free = std::iter::once(id.clone()).chain(numbered).find(|id| !taken.contains(id));
        let id = free.expect("there are more numbers than components");
        taken.insert(id.clone());
        id
    };
    components.iter().map(|merged| unique(readable(merged))).collect()
}

fn root_package(report: &Report) -> Package<'_> {
    let repository = report.repository.as_deref().and_then(uri::repository);
    Package {
        spdx_id: ROOT,
        name: &report.project,
        version_info: report.commit.as_deref().unwrap_or_default(),
        download_location: repository.map_or(UNKNOWN.into(), Into::into),
        files_analyzed: false,
        license_concluded: UNKNOWN,
        license_declared: UNKNOWN,
        copyright_text: UNKNOWN,
        primary_package_purpose: "APPLICATION",
        source_info: String::new(),
        external_refs: vec![],
    }
}

fn package<'a>(merged: &'a Merged<'a>, id: &'a str) -> Package<'a> {
    Package {
        spdx_id: id,
        name: &merged.package.name,
        version_info: merged.version,
        download_location: UNKNOWN.into(),
        files_analyzed: false,
        license_concluded: UNKNOWN,
        license_declared: UNKNOWN,
        copyright_text: UNKNOWN,
        primary_package_purpose: "LIBRARY",
        source_info: format!("found in {}", merged.paths.join(", ")),
        external_refs: vec![ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: &merged.purl,
        }],
    }
}

/// The graph (SPDX 2.3 §11). SPDX has no scope on packages, so what is needed to develop the project, or only
/// if present, is told for every such package, direct or not.
fn relationships<'a>(inventory: &Inventory<'_>, ids: &'a [String]) -> Vec<Relationship<'a>> {
    let relationship = |element, kind, related| Relationship { element, kind, related };
    let mut all = vec![relationship(DOCUMENT, "DESCRIBES", ROOT)];
    for (id, merged) in ids.iter().zip(&inventory.components) {
        match merged.scope {
            Scope::Runtime => (),
            Scope::Development => all.push(relationship(id, "DEV_DEPENDENCY_OF", ROOT)),
            Scope::Optional => all.push(relationship(id, "OPTIONAL_DEPENDENCY_OF", ROOT)),
        }
    }
    let runtime = inventory.roots.iter().filter(|&&at| inventory.components[at].scope == Scope::Runtime);
    all.extend(runtime.map(|&at| relationship(ROOT, "DEPENDS_ON", &ids[at])));
    for (id, needs) in ids.iter().zip(&inventory.needs) {
        all.extend(needs.iter().map(|&at| relationship(id, "DEPENDS_ON", &ids[at])));
    }
    all
}
