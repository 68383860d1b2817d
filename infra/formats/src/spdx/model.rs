//! The parts of SPDX 2.3 that are written, in the words of the standard.

use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    pub spdx_version: &'static str,
    pub data_license: &'static str,
    #[serde(rename = "SPDXID")]
    pub spdx_id: &'static str,
    pub name: &'a str,
    pub document_namespace: String,
    pub creation_info: CreationInfo,
    pub packages: Vec<Package<'a>>,
    pub relationships: Vec<Relationship<'a>>,
}

#[derive(Serialize)]
pub(super) struct CreationInfo {
    pub created: String,
    pub creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID")]
    pub spdx_id: &'a str,
    pub name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub version_info: &'a str,
    pub download_location: Cow<'static, str>,
    pub files_analyzed: bool,
    pub license_concluded: &'static str,
    pub license_declared: &'static str,
    pub copyright_text: &'static str,
    pub primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_info: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_refs: Vec<ExternalRef<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalRef<'a> {
    pub reference_category: &'static str,
    pub reference_type: &'static str,
    pub reference_locator: &'a str,
}

#[derive(Serialize)]
pub(super) struct Relationship<'a> {
    #[serde(rename = "spdxElementId")]
    pub element: &'a str,
    #[serde(rename = "relationshipType")]
    pub kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    pub related: &'a str,
}
