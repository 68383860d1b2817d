//! Rules that tests work with.

use serde_json::{Value, json};

/// A rule that passes every check.
pub(crate) fn rule(id: &str) -> Value {
    json!({
        "id": id,
        "message": "Code is made of what somebody sent.",
        "severity": "ERROR",
        "languages": ["python"],
        "pattern": "eval($X)",
        "metadata": { "category": "security", "confidence": "HIGH", "cwe": ["CWE-95: Eval Injection"] },
    })
}
