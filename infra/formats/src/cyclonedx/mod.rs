//! CycloneDX 1.5 JSON: components, who needs whom, and what is known to be wrong with them.

mod model;
mod vulnerability;

use crate::document_id;
use crate::inventory::{Inventory, Merged};
use crate::uri;
use domain::Cause;
use domain::component::Scope;
use domain::report::Report;
use model::{Bom, Component, Dependency, ExternalReference, Metadata, Property, Tools};
use scanledger_domain as domain;
use uuid::Uuid;

/// Writes the components of `report`, and its findings about packages.
pub(crate) fn write(report: &Report, version: &'static str) -> Result<Vec<u8>, Cause> {
    let inventory = Inventory::of(report)?;
    let root = root_ref(&report.project);
    let mut bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.5",
        serial_number: Uuid::nil().urn().to_string(),
        version: 1,
        metadata: Metadata {
            timestamp: report.created_at.to_rfc3339_millis(),
            tools: Tools { components: [Component::new("application", crate::TOOL).at(version)] },
            component: root_component(report, &root),
        },
        components: inventory.components.iter().map(component).collect(),
        dependencies: dependencies(&inventory, &root),
        vulnerabilities: vulnerability::vulnerabilities(report, &inventory, &root),
    };
    bom.serial_number = document_id(&bom)?.urn().to_string();
    Ok(serde_json::to_vec(&bom)?)
}

/// How the project is named among the components; no ecosystem has the purl type `generic`.
fn root_ref(project: &str) -> String {
    format!("pkg:generic/{}", uri::Segment(project))
}

fn root_component<'a>(report: &'a Report, root: &'a str) -> Component<'a> {
    let (commit, branch) = (report.commit.as_deref(), report.branch.as_deref());
    let scan = report.scan.map(|scan| scan.to_string());
    let known = [
        ("scanledger:scanId", scan.clone()),
        ("scanledger:commit", commit.map(str::to_owned)),
        ("scanledger:branch", branch.map(str::to_owned)),
        ("pepper:scanId", scan),
        ("pepper:commitSha", commit.map(str::to_owned)),
        ("pepper:branch", branch.map(str::to_owned)),
    ];
    let properties =
        known.into_iter().filter_map(|(name, value)| Some(Property { name, value: value?.into() }));
    let repository = report.repository.as_deref().and_then(uri::repository);
    Component {
        bom_ref: Some(root),
        external_references: repository
            .map(|url| ExternalReference { kind: "vcs", url })
            .into_iter()
            .collect(),
        properties: properties.collect(),
        // Pepper's clients expect a version (Pepper reference §4).
        ..Component::new("application", &report.project).at(commit.unwrap_or("0.0.0"))
    }
}

fn component<'a>(merged: &'a Merged<'a>) -> Component<'a> {
    let said = [
        ("pepper:ecosystem", Some(merged.package.ecosystem.as_str())),
        ("scanledger:scope", Some(scope_word(merged.scope))),
        ("scanledger:direct", merged.direct.map(|direct| if direct { "true" } else { "false" })),
    ];
    let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let lockfiles = merged.paths.iter().map(|&path| ("scanledger:lockfile", path));
    let properties = said.chain(lockfiles).map(|(name, value)| Property { name, value: value.into() });
    Component {
        bom_ref: Some(&merged.purl),
        scope: Some(match merged.scope {
            Scope::Runtime => "required",
            Scope::Development | Scope::Optional => "optional",
        }),
        purl: Some(&merged.purl),
        properties: properties.collect(),
        ..Component::new("library", &merged.package.name).at(merged.version)
    }
}

const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Runtime => "runtime",
        Scope::Development => "development",
        Scope::Optional => "optional",
    }
}

/// An entry for everything: one without needs says that it has none.
fn dependencies<'a>(inventory: &'a Inventory<'a>, root: &'a str) -> Vec<Dependency<'a>> {
    let names = |needed: &[usize]| needed.iter().map(|&at| inventory.components[at].purl.as_str()).collect();
    let of_root = Dependency { reference: root, depends_on: names(&inventory.roots) };
    let of_components = inventory.components.iter().zip(&inventory.needs);
    std::iter::once(of_root)
        .chain(
            of_components.map(|(one, needs)| Dependency { reference: &one.purl, depends_on: names(needs) }),
        )
        .collect()
}
