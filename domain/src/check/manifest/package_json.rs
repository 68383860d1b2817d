//! `package.json`.

use super::Edit;
use crate::check::version::is_plain;

const SECTIONS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// Where a package is asked for with one version, as `1.2.3`, `^1.2.3`, `~1.2.3` or `>=1.2.3`.
pub(super) fn requirements(content: &str, name: &str, to: &str) -> Vec<Edit> {
    if serde_json::from_str::<serde::de::IgnoredAny>(content).is_err() {
        return vec![];
    }
    let mut edits = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut key: Option<String> = None;
    let mut rest = content;
    // What is valid JSON is brackets, strings, and what means nothing here.
    while let Some(at) = rest.find(['"', '{', '[', '}', ']']) {
        let start = content.len() - rest.len() + at;
        match content.as_bytes()[start] {
            b'"' => {
                let end = start + string_length(&content[start..]);
                let text = &content[start + 1..end - 1];
                rest = &content[end..];
                if rest.trim_start().starts_with(':') {
                    key = Some(text.to_owned());
                    continue;
                }
                let is_asked_for = path.len() == 2
                    && path[0].is_empty()
                    && SECTIONS.contains(&path[1].as_str())
                    && key.as_deref() == Some(name);
                if is_asked_for && let Some(range) = moved(text, to) {
                    edits.push(Edit { start: start + 1, end: end - 1, text: range });
                }
                key = None;
            }
            b'{' | b'[' => {
                path.push(key.take().unwrap_or_default());
                rest = &content[start + 1..];
            }
            _ => {
                path.pop();
                key = None;
                rest = &content[start + 1..];
            }
        }
    }
    edits
}

/// Bytes of the string that a text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// A range with the same operator at another version; `None` for what is more than a version.
fn moved(range: &str, to: &str) -> Option<String> {
    let version = range.trim_start_matches(['^', '~', '>', '=', ' ']);
    let operator = &range[..range.len() - version.len()];
    let is_known = matches!(operator.trim_end(), "" | "^" | "~" | ">=" | "=");
    let is_star = version.contains(['x', 'X', '*']) && !version.contains('-');
    (is_known && is_plain(version) && !is_star).then(|| format!("{operator}{to}"))
}
