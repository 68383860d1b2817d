//! Whose streams are whose, on a server that others use as well.

use crate::error::Unusable;
use scanledger_domain::log::StreamName;

/// Characters of a namespace.
const NAMESPACE_CHARS: usize = 40;

/// The part before the dot in the name of every stream of one log: `scanledger.finding-018f…`.
///
/// Everything up to the first `-` is a stream's category in KurrentDB, so that its category projections keep
/// working; and the server filters `$all` by the part up to the dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// With the dot at its end.
    prefix: String,
}

impl Namespace {
    /// A namespace of lower-case letters, digits and `_`, at most 40.
    ///
    /// # Errors
    /// [`Unusable::Namespace`] for anything else. A dot or a `-` would make one log's prefix match another's.
    pub fn new(name: &str) -> Result<Self, Unusable> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > NAMESPACE_CHARS || !name.bytes().all(is_allowed) {
            return Err(Unusable::Namespace);
        }
        Ok(Self { prefix: format!("{name}.") })
    }

    /// What the names of all streams of the log begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of a stream on the server.
    pub(crate) fn foreign(&self, stream: &StreamName) -> String {
        format!("{}{stream}", self.prefix)
    }

    /// The stream with this name on the server, if it is one of this log.
    pub(crate) fn own(&self, name: &str) -> Option<StreamName> {
        name.strip_prefix(&self.prefix).map(StreamName::stored)
    }

    /// The stream that holds the identity of the log; outside the prefix, so that it is no part of the log.
    pub(crate) fn identity_stream(&self) -> String {
        format!("{}-identity", self.prefix.trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::Namespace;
    use scanledger_domain::log::StreamName;

    #[test]
    fn a_stream_keeps_its_name_behind_the_prefix() {
        let namespace = Namespace::new("scanledger").unwrap();
        let stream = StreamName::new("finding", "018f");
        assert_eq!(namespace.foreign(&stream), "scanledger.finding-018f");
        assert_eq!(namespace.own("scanledger.finding-018f"), Some(stream));
    }

    #[test]
    fn what_is_not_of_the_log_is_none_of_its_streams() {
        let namespace = Namespace::new("scanledger").unwrap();
        for name in ["finding-018f", "scanledger2.finding-1", "$scanledger.x", "scanledger-x", ""] {
            assert_eq!(namespace.own(name), None, "{name}");
        }
        assert_eq!(namespace.own(&namespace.identity_stream()), None);
    }

    #[test]
    fn no_namespace_is_the_beginning_of_another() {
        for name in ["", "a.b", "a-b", "A", "ä", "$all", "a b", &"a".repeat(41)] {
            assert!(Namespace::new(name).is_err(), "{name}");
        }
        for name in ["a", "scan_ledger_2", &"a".repeat(40)] {
            assert!(Namespace::new(name).is_ok(), "{name}");
        }
    }
}
