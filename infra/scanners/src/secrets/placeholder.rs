//! Tells examples and variables from secrets.

use aho_corasick::{AhoCorasick, BuildError};

/// Text that no real secret contains, wherever it stands.
const ANYWHERE: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "your_",
    "your-",
    "yourkey",
    "yourtoken",
    "yoursecret",
    "yourpassword",
    "my_secret",
    "my-secret",
    "mysecret",
    "mypassword",
    "xxxx",
    "****",
    "....",
    "<",
    ">",
    "${",
    "{{",
    "}}",
    "$(",
    "%(",
    "#{",
    "redacted",
    "foobar",
    "not-a-real",
    "notareal",
    "goes-here",
    "goeshere",
    "testtest",
    "abcdefgh",
    "12345678",
    "01234567",
    "87654321",
    "deadbeef",
    "qwerty",
    "process.env",
    "os.environ",
    "getenv",
];

/// Words that a random text can contain by chance, so they have to stand alone.
const ALONE: &[&str] = &[
    "test",
    "testing",
    "sample",
    "fake",
    "demo",
    "todo",
    "fixme",
    "none",
    "null",
    "undefined",
    "insert",
    "replace",
    "here",
    "mock",
    "stub",
    "env",
    "secrets",
    "vars",
    "config",
    "settings",
    "default",
    "invalid",
];

/// The words, ready to be searched for.
#[derive(Debug)]
pub(super) struct Placeholders {
    words: AhoCorasick,
}

impl Placeholders {
    pub(super) fn new() -> Result<Self, BuildError> {
        let words =
            AhoCorasick::builder().ascii_case_insensitive(true).build(ANYWHERE.iter().chain(ALONE))?;
        Ok(Self { words })
    }

    /// Whether `value` only stands for a secret.
    pub(super) fn is_placeholder(&self, value: &[u8]) -> bool {
        matches!(value.first(), Some(b'$' | b'%')) && value.last() != value.first() && is_name(&value[1..])
            || has_few_characters(value)
            || self.words.find_overlapping_iter(value).any(|found| {
                found.pattern().as_usize() < ANYWHERE.len() || stands_alone(value, found.start(), found.end())
            })
    }
}

fn stands_alone(value: &[u8], start: usize, end: usize) -> bool {
    let is_word = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
    !is_word(start.checked_sub(1).and_then(|before| value.get(before))) && !is_word(value.get(end))
}

/// `$NAME` of a shell, `%NAME` of a batch file.
fn is_name(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
}

/// Fewer than four different characters, as in `0000000000` or `abababab`.
fn has_few_characters(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    let mut different = 0;
    for byte in value {
        different += u32::from(!std::mem::replace(&mut seen[usize::from(*byte)], true));
    }
    different < 4
}

#[cfg(test)]
mod tests {
    use super::Placeholders;

    #[test]
    fn examples_and_variables_are_placeholders() {
        let placeholders = Placeholders::new().unwrap();
        let cases = [
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "your-api-key",
            "YOUR_TOKEN",
            "changeme",
            "xxxxxxxxxxxxxxxx",
            "XXXXXXXXXXXXXXXX",
            "0000000000000000",
            "abababababababab",
            "${API_KEY}",
            "{{ secrets.token }}",
            "<api-key>",
            "$API_KEY",
            "%(password)s",
            "process.env.API_KEY",
            "a1b2-test-c3d4",
            "1234567890abcdef",
        ];
        for case in cases {
            assert!(placeholders.is_placeholder(case.as_bytes()), "{case}");
        }
    }

    #[test]
    fn random_text_is_none() {
        let placeholders = Placeholders::new().unwrap();
        for case in ["kT9sVq2LmZx7RbWc", "contestants9Xq4Lm", "$2b$Kx9", "9f8e7d6c5b4a3021"] {
            assert!(!placeholders.is_placeholder(case.as_bytes()), "{case}");
        }
    }
}
