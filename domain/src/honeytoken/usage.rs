//! What a use of a honeytoken tells.

use crate::limits::HONEYTOKEN_USAGE_CHARS;

/// What somebody wanted who used a honeytoken, in words of theirs: nothing of it is to be trusted, and what is no plain
/// word is not kept, because it may be the credential itself or somebody's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The service that they thought they were asking.
    pub service: Option<String>,
    /// Where they thought it was.
    pub region: Option<String>,
    /// What they asked for.
    pub action: Option<String>,
}

impl Usage {
    /// The same without what may not be kept: services and regions are lower-case letters, digits and `-`; actions are
    /// letters, and up to three digits. None is longer than [`HONEYTOKEN_USAGE_CHARS`].
    #[must_use]
    pub fn bounded(self) -> Self {
        let Self { service, region, action } = self;
        Self {
            service: service.filter(|text| is_place(text)),
            region: region.filter(|text| is_place(text)),
            action: action.filter(|text| is_action(text)),
        }
    }
}

/// Digits that an action may have, as `ListObjectsV2` does. Credentials have more.
const ACTION_DIGITS: usize = 3;
/// Letters of the longest method of HTTP that is told where no action is. Access ids are longer.
const METHOD_CHARS: usize = 7;

fn is_place(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=HONEYTOKEN_USAGE_CHARS).contains(&text.len()) && text.bytes().all(is_plain)
}

fn is_action(text: &str) -> bool {
    (1..=HONEYTOKEN_USAGE_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().filter(u8::is_ascii_digit).count() <= ACTION_DIGITS
        && (text.len() <= METHOD_CHARS || text.bytes().any(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::{HONEYTOKEN_USAGE_CHARS, Usage};

    fn action(text: &str) -> Option<String> {
        Usage { action: Some(text.to_owned()), ..Usage::default() }.bounded().action
    }

    #[test]
    fn plain_words_are_kept_and_nothing_else() {
        for kept in
            ["GetCallerIdentity", "ListObjectsV2", "GET", "DELETE", &"x".repeat(HONEYTOKEN_USAGE_CHARS)]
        {
            assert_eq!(action(kept).as_deref(), Some(kept));
        }
        let access_id = ["AK", "IA", "ABCDEFGHIJKLMNOP"].concat();
        let too_long = "x".repeat(HONEYTOKEN_USAGE_CHARS + 1);
        for dropped in
            [&access_id, "PUT /bucket/ana@example.org", "List\r\nBuckets", "a1b2c3d4", " ", "", &too_long]
        {
            assert_eq!(action(dropped), None, "{dropped}");
        }
        let place = |text: &str| Usage { region: Some(text.to_owned()), ..Usage::default() }.bounded().region;
        assert_eq!(place("eu-central-1").as_deref(), Some("eu-central-1"));
        assert_eq!((place(&access_id), place("ana@example.org"), place("")), (None, None, None));
        assert_eq!(Usage::default().bounded(), Usage::default());
    }
}
