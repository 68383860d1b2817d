//! One HTML page for people: self-contained, printable, without scripts and without anything to fetch.

mod content;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::Cause;
use domain::report::Report;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};
use scanledger_domain as domain;
use sha2::{Digest as _, Sha256};

/// Escapes everything that is put into it, because of its extension.
const TEMPLATE_NAME: &str = "report.html";
const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");

/// Writes the findings of `report`, and how many components it has.
pub(crate) fn write(report: &Report, version: &'static str) -> Result<Vec<u8>, Cause> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template(TEMPLATE_NAME, TEMPLATE)?;
    let context = context! {
        tool => crate::TOOL,
        version => version,
        policy => policy(),
        style => Value::from_safe_string(STYLE.to_owned()),
        report => Value::from(Serde(content::Content::of(report))),
    };
    Ok(environment.get_template(TEMPLATE_NAME)?.render(context)?.into_bytes())
}

/// Allows the one style sheet of the page by its hash, and nothing else (CSP Level 3 §2.3.1).
fn policy() -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}
