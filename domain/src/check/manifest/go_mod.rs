//! `go.mod` (Go Modules Reference, "go.mod files").

use super::{Edit, lines};

/// Where a module is required, outside of other blocks.
pub(super) fn requirements(content: &str, module: &str, to: &str) -> Vec<Edit> {
    let version = if to.starts_with('v') { to.to_owned() } else { format!("v{to}") };
    let mut block: Option<bool> = None;
    let mut edits = Vec::new();
    for (start, line) in lines(content) {
        let code = line.split("//").next().unwrap_or_default();
        let trimmed = code.trim();
        match block {
            Some(_) if trimmed.starts_with(')') => block = None,
            Some(true) => edits.extend(requirement(start, code, code, module, &version)),
            Some(false) => (),
            None => {
                if let Some(word) = trimmed.strip_suffix('(') {
                    block = Some(word.trim() == "require");
                } else if let Some(rest) = trimmed.strip_prefix("require ") {
                    edits.extend(requirement(start, code, rest, module, &version));
                }
            }
        }
    }
    edits
}

/// The version in `rest`, which is a part of `code`, if that is about the module.
fn requirement(start: usize, code: &str, rest: &str, module: &str, version: &str) -> Option<Edit> {
    let mut words = rest.split_whitespace();
    let named = words.next()?.trim_matches('"');
    let present = words.next().filter(|present| named == module && present.starts_with('v'))?;
    let at = start + code.rfind(present)?;
    Some(Edit { start: at, end: at + present.len(), text: version.to_owned() })
}
