//! What of a secret may be shown.

/// What stands for the part that is not shown.
const STARS: &str = "****";
/// Characters from which on a secret shows some of them, and how many at either end. What is shown stays in events,
/// exports and reports for ever, so it is never most of a secret. (Pepper shows eight of nine, reference §13, which is
/// no part of its contract.)
const SHOWN_CHARS: [(usize, usize); 2] = [(20, 4), (12, 2)];

/// The first and last characters: four of a secret with 20 or more, two of one with 12 or more, none of a shorter one.
pub fn mask(secret: &[u8]) -> String {
    let text = String::from_utf8_lossy(secret);
    let length = text.chars().count();
    let Some((_, shown)) = SHOWN_CHARS.into_iter().find(|(from, _)| length >= *from) else {
        return STARS.repeat(2);
    };
    let start: String = text.chars().take(shown).collect();
    let end: String = text.chars().skip(length - shown).collect();
    format!("{start}{STARS}{end}")
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn the_longer_a_secret_the_more_of_it_is_shown_and_never_much() {
        assert_eq!(mask(b""), "********");
        assert_eq!(mask(b"12345678901"), "********");
        assert_eq!(mask(b"123456789012"), "12****12");
        assert_eq!(mask(b"1234567890123456789"), "12****89");
        assert_eq!(mask(b"12345678901234567890"), "1234****7890");
        assert_eq!(mask("äöüßäöüßäöüß".as_bytes()), "äö****üß");
        assert_eq!(mask(&[b'*'; 20]).len(), 12, "not even this one is its own mask");
    }

    #[test]
    fn an_end_of_a_secret_that_is_no_text_is_shown_as_such() {
        assert_eq!(mask(&[0xff; 12]), "\u{fffd}\u{fffd}****\u{fffd}\u{fffd}");
    }
}
