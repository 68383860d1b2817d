//! Hashes of leaves and nodes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The hash of a leaf or a node of the tree; text is base64 with padding, as in checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHash(pub [u8; 32]);

/// Text that is not base64 of 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of the tree: expected 32 bytes in base64")]
pub struct NotATreeHash;

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

impl FromStr for TreeHash {
    type Err = NotATreeHash;

    fn from_str(text: &str) -> Result<Self, NotATreeHash> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| NotATreeHash)?;
        bytes.try_into().map(Self).map_err(|_| NotATreeHash)
    }
}

impl Serialize for TreeHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TreeHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The hash of a node over its two children (RFC 9162 §2.1.1).
pub fn node_hash(left: TreeHash, right: TreeHash) -> TreeHash {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    TreeHash(Sha256::digest(bytes).into())
}

/// The root of a tree without leaves: the hash of nothing (RFC 9162 §2.1.1).
pub fn empty_root() -> TreeHash {
    TreeHash(Sha256::digest([]).into())
}

#[cfg(test)]
mod tests {
    use super::{NotATreeHash, TreeHash, empty_root};

    #[test]
    fn hashes_are_base64_of_32_bytes() {
        let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(empty_root().to_string(), text);
        assert_eq!(text.parse(), Ok(empty_root()));
        assert_eq!(serde_json::to_string(&empty_root()).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<TreeHash>(&format!("\"{text}\"")).unwrap(), empty_root());
        for bad in
            ["", "47DEQpj8HBSa", &text[1..], &text[..43], "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="]
        {
            assert_eq!(bad.parse::<TreeHash>(), Err(NotATreeHash), "{bad}");
        }
    }
}
