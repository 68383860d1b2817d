//! Which passwords people may choose (TRUSCA reference §2.1; NIST SP 800-63B §5.1.1.2).

use crate::limits::PASSWORD_CHARS;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Why a password will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short or too long.
    #[error("a password must have {} to {} characters", PASSWORD_CHARS.start(), PASSWORD_CHARS.end())]
    Length,
    /// Everybody tries it first, or it is one of those with decoration.
    #[error("the password is too common")]
    Common,
    /// Only digits.
    #[error("a password must not consist of digits only")]
    Digits,
    /// One character again and again.
    #[error("a password must not repeat one character")]
    Repeated,
}

/// Passwords that many people have, in lower case; the file says where they are from. Lines with `#` are remarks.
static FREQUENT: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("common_passwords.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

/// Words that make no password, however they are decorated with digits and signs: those that are too short to be a
/// password by themselves, and what this server is called.
const COMMON: &[&str] = &[
    "abc",
    "abcd",
    "abcde",
    "abcdef",
    "abcdefg",
    "abcdefgh",
    "access",
    "admin",
    "administrator",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "baseball",
    "batman",
    "changeme",
    "charlie",
    "dragon",
    "flower",
    "football",
    "freedom",
    "hello",
    "iloveyou",
    "letmein",
    "login",
    "master",
    "michael",
    "monkey",
    "mustang",
    "passphrase",
    "passw",
    "passwd",
    "password",
    "pass",
    "princess",
    "qazwsx",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyuiop",
    "root",
    "scanledger",
    "secret",
    "security",
    "shadow",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "test",
    "testing",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "winter",
    "zxcvbn",
    "zxcvbnm",
];

/// Checks a password that somebody chooses.
///
/// # Errors
/// What is wrong with it.
pub fn check_password(password: &str) -> Result<(), WeakPassword> {
    let mut characters = password.chars();
    if !PASSWORD_CHARS.contains(&password.chars().count()) {
        return Err(WeakPassword::Length);
    }
    if password.chars().all(char::is_numeric) {
        return Err(WeakPassword::Digits);
    }
    if let Some(first) = characters.next()
        && characters.all(|next| next == first)
    {
        return Err(WeakPassword::Repeated);
    }
    let letters = |spell: fn(char) -> char| -> String {
        password.chars().map(spell).filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
    };
    // Decoration with signs that look like letters is spelt out, and left out.
    let spelt = [letters(|c| c), letters(look_alike), password.to_lowercase()];
    let is_common = |word: &String| COMMON.contains(&word.as_str()) || FREQUENT.contains(word.as_str());
    if spelt.iter().any(is_common) {
        return Err(WeakPassword::Common);
    }
    Ok(())
}

fn look_alike(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{FREQUENT, PASSWORD_CHARS, WeakPassword, check_password};

    #[test]
    fn long_and_uncommon_ones_will_do() {
        for good in [
            "correct horse battery",
            "tr0ub4dor",
            "päßwörtchen",
            "aaaaaaab",
            "passwordless life",
            "12345678a9b",
        ] {
            assert_eq!(check_password(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_password_has_8_to_128_characters() {
        assert_eq!(PASSWORD_CHARS, 8..=128);
        assert_eq!(check_password("zebra-7"), Err(WeakPassword::Length));
        assert_eq!(check_password("zebra-78"), Ok(()));
        assert_eq!(check_password(&"aß".repeat(64)), Ok(()));
        assert_eq!(check_password(&format!("{}c", "ab".repeat(64))), Err(WeakPassword::Length));
        assert_eq!(check_password(""), Err(WeakPassword::Length));
    }

    #[test]
    fn digits_and_repetitions_will_not_do() {
        assert_eq!(check_password("8675309867"), Err(WeakPassword::Digits));
        assert_eq!(check_password("xxxxxxxxxx"), Err(WeakPassword::Repeated));
    }

    #[test]
    fn common_ones_will_not_do_whatever_their_decoration() {
        for bad in [
            "password",
            "Password1!",
            "P@ssw0rd",
            "p4$$w0rd99",
            "WELCOME2026",
            "admin12345",
            "qwerty!!",
            "Scanledger1",
        ] {
            assert_eq!(check_password(bad), Err(WeakPassword::Common), "{bad}");
        }
    }
    #[test]
    fn what_many_people_have_will_not_do_in_any_case_or_decoration() {
        assert!(FREQUENT.len() > 10_000, "{}", FREQUENT.len());
        for bad in ["corvette", "Samantha", "1QAZ2wsx", "computer2026!", "c0mput3r", "trustno1"] {
            assert_eq!(check_password(bad), Err(WeakPassword::Common), "{bad}");
        }
        for frequent in FREQUENT.iter() {
            assert_eq!(**frequent, frequent.trim().to_lowercase(), "as they are looked for");
            assert!(check_password(frequent).is_err(), "{frequent}");
        }
    }
}
