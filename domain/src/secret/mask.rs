//! What of a secret may be shown.

/// What stands for the part that is not shown.
const STARS: &str = "****";
/// Secrets up to this many characters are not shown at all (Pepper reference §13).
const HIDDEN_CHARS: usize = 8;
/// Characters that are shown at either end of a longer one.
const SHOWN_CHARS: usize = 4;

/// The first and last four characters, or nothing of a secret of at most eight.
pub fn mask(secret: &[u8]) -> String {
    let text = String::from_utf8_lossy(secret);
    let hidden = || STARS.repeat(2);
    let length = text.chars().count();
    if length <= HIDDEN_CHARS {
        return hidden();
    }
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    let end: String = text.chars().skip(length - SHOWN_CHARS).collect();
    let masked = format!("{start}{STARS}{end}");
    // A secret that is made of stars would be its own mask.
    if masked.contains(text.as_ref()) { hidden() } else { masked }
}
