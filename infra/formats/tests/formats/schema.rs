//! The official schemas, ready to be asked.

use jsonschema::{Draft, Registry, Validator};
use serde_json::Value;
use std::sync::LazyLock;

/// SARIF 2.1.0.
pub static SARIF: LazyLock<Validator> = LazyLock::new(|| {
    validator(&include_str!("../schemas/sarif-2.1.0.schema.json").replace(WRONG_LANGUAGE, LANGUAGE))
});
/// CycloneDX 1.5.
pub static CYCLONEDX: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../schemas/bom-1.5.schema.json")));
/// SPDX 2.3.
pub static SPDX: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../schemas/spdx-2.3.schema.json")));

/// A pattern in SARIF's schema that is no regular expression, and what errata 01 made of it.
const WRONG_LANGUAGE: &str = "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$";
const LANGUAGE: &str = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$";

fn parse(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap()
}

/// Formats such as `uri` and `date-time` are checked as well, which draft 7 leaves open.
fn validator(schema: &str) -> Validator {
    let referenced = [
        ("http://cyclonedx.org/schema/spdx.schema.json", include_str!("../schemas/spdx.schema.json")),
        ("http://cyclonedx.org/schema/jsf-0.82.schema.json", include_str!("../schemas/jsf-0.82.schema.json")),
    ];
    let mut registry = Registry::new().draft(Draft::Draft7);
    for (uri, schema) in referenced {
        registry = registry.add(uri, parse(schema)).unwrap();
    }
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true)
        .with_registry(&registry.prepare().unwrap())
        .build(&parse(schema))
        .unwrap()
}

/// What the schema has against the document, one line each.
pub fn objections(schema: &Validator, document: &Value) -> Vec<String> {
    schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
