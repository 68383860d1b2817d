//! Blocks that are built like private keys and are none.

use super::Fill;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Ten lines of DER between markers: a version and random bytes, or how they are encrypted and random bytes.
pub(super) fn pem(fill: &mut Fill, kind: &str, line_break: &str) -> String {
    let first: &[u8] =
        if kind == "ENCRYPTED " { &[0x30, 0x03, 0x06, 0x01, 0x2a] } else { &[0x02, 0x01, 0x00] };
    let random = fill.bytes(480 - 8 - first.len());
    let mut content = [first, &[0x04, 0x82], &(random.len() as u16).to_be_bytes()].concat();
    content.extend(random);
    let mut der = vec![0x30, 0x82];
    der.extend((content.len() as u16).to_be_bytes());
    der.extend(content);
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).map(|at| &text[at..(at + 64).min(text.len())]).collect();
    let marker = |word: &str| format!("-----{word} {kind}PRIVATE KEY-----");
    format!("{}{line_break}{}{line_break}{}", marker("BEGIN"), lines.join(line_break), marker("END"))
}
