//! The parts of CycloneDX 1.5 that are written, in the words of the standard.

use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bom<'a> {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub bom_format: &'static str,
    pub spec_version: &'static str,
    pub serial_number: String,
    pub version: u32,
    pub metadata: Metadata<'a>,
    pub components: Vec<Component<'a>>,
    pub dependencies: Vec<Dependency<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<Vulnerability<'a>>,
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub timestamp: String,
    pub tools: Tools<'a>,
    pub component: Component<'a>,
}

#[derive(Serialize)]
pub(super) struct Tools<'a> {
    pub components: [Component<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub bom_ref: Option<&'a str>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property<'a>>,
}

impl<'a> Component<'a> {
    pub(super) const fn new(kind: &'static str, name: &'a str) -> Self {
        Self {
            kind,
            bom_ref: None,
            name,
            version: "",
            scope: None,
            purl: None,
            external_references: Vec::new(),
            properties: Vec::new(),
        }
    }

    pub(super) fn at(self, version: &'a str) -> Self {
        Self { version, ..self }
    }
}

#[derive(Serialize)]
pub(super) struct ExternalReference {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url: String,
}

#[derive(Serialize)]
pub(super) struct Property<'a> {
    pub name: &'static str,
    pub value: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency<'a> {
    #[serde(rename = "ref")]
    pub reference: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Vulnerability<'a> {
    #[serde(rename = "bom-ref")]
    pub bom_ref: String,
    pub id: &'a str,
    pub source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference<'a>>,
    pub ratings: [Rating; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    pub description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<Advisory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis<'a>>,
    pub affects: Vec<Affected<'a>>,
    pub properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Source {
    pub name: &'static str,
    pub url: String,
}

#[derive(Serialize)]
pub(super) struct Reference<'a> {
    pub id: &'a str,
    pub source: Source,
}

#[derive(Serialize)]
pub(super) struct Rating {
    pub severity: &'static str,
}

#[derive(Serialize)]
pub(super) struct Advisory {
    pub url: String,
}

#[derive(Serialize)]
pub(super) struct Analysis<'a> {
    pub state: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Affected<'a> {
    #[serde(rename = "ref")]
    pub reference: &'a str,
}
