//! Blocks of base64 between markers, as they stand in files, in YAML, and in strings of code.

use super::base64;

/// What stands between `-----BEGIN …-----` and `-----END …-----`.
pub(super) struct Armor<'a> {
    /// What the markers name.
    pub label: &'a [u8],
    /// Whether a header says that it is encrypted (RFC 1421 §4.6.1.1).
    pub is_encrypted: bool,
    /// The bytes that the base64 stands for.
    pub data: Vec<u8>,
}

impl<'a> Armor<'a> {
    /// The block, if it has the same label at both ends and nothing but headers and base64 between them.
    pub(super) fn read(block: &'a [u8]) -> Option<Self> {
        const MARKER: &[u8] = b"-----";
        let rest = block.strip_prefix(b"-----BEGIN ")?;
        let end = find(rest, MARKER)?;
        let (label, rest) = (&rest[..end], &rest[end + MARKER.len()..]);
        let body = rest.strip_suffix(MARKER)?.strip_suffix(label)?.strip_suffix(b"-----END ")?;
        let mut is_encrypted = false;
        let mut text = Vec::with_capacity(body.len());
        for line in unescaped(body).split(|byte| *byte == b'\n') {
            if find(line, b": ").is_some() {
                is_encrypted |= find(line, b"ENCRYPTED").is_some();
                continue;
            }
            // What quotes, joins or comments lines of code has no letters; the checksum of OpenPGP is no data.
            let words = line.split(u8::is_ascii_whitespace).map(unquoted);
            let words = words.filter(|word| word.iter().any(u8::is_ascii_alphanumeric));
            for word in words.filter(|word| !(word.len() == 5 && word[0] == b'=')) {
                text.extend_from_slice(word);
            }
        }
        Some(Self { label, is_encrypted, data: base64(&text)? })
    }
}

/// The place of `part` in `text`.
pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn unquoted(word: &[u8]) -> &[u8] {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b',' | b';' | b'(' | b')' | b'\\');
    let start = word.iter().position(|byte| !is_quote(byte)).unwrap_or(word.len());
    let end = word.iter().rposition(|byte| !is_quote(byte)).map_or(start, |at| at + 1);
    &word[start..end]
}

/// With `\n`, `\r`, `\t` and `\u003d` of strings turned into what they stand for.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        match (first, more) {
            (b'\\', [b'n' | b'r' | b't', after @ ..]) => {
                text.push(b'\n');
                rest = after;
            }
            (b'\\', [b'u', b'0', b'0', b'3', b'd' | b'D', after @ ..]) => {
                text.push(b'=');
                rest = after;
            }
            _ => text.push(*first),
        }
    }
    text
}
