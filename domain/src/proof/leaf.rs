//! What is hashed of an event.

use super::TreeHash;
use crate::log::Recorded;
use sha2::{Digest, Sha256};

/// The number of the form below; another form would get another number.
const FORM: u8 = 1;

/// Bytes of the columns of fixed length.
const FIXED: usize = 1 + 8 + 16 + 8 + 2 + 8;

/// The bytes of an event that its leaf is the hash of: every stored column, exactly.
///
/// Integers are big-endian; `text(x)` is the length of `x` in bytes as four bytes, then `x`. Data and metadata are
/// the stored bytes, never decoded.
///
/// ```text
/// 0x01            1 byte    number of this form
/// position        8 bytes
/// id             16 bytes   of the UUID
/// version         8 bytes   place in the stream
/// schema          2 bytes
/// recorded_at     8 bytes   microseconds since 1970, UTC; two's complement
/// text(stream)
/// text(type)
/// text(data)
/// text(metadata)
/// ```
pub fn leaf_bytes(event: &Recorded) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(
        FIXED + 16 + event.stream.as_str().len() + event.kind.len() + event.data.len() + event.metadata.len(),
    );
    write(event, |part| bytes.extend_from_slice(part));
    bytes
}

/// The hash of an event's leaf: SHA-256 of `0x00` and [`leaf_bytes`] (RFC 9162 §2.1.1).
pub fn leaf_hash(event: &Recorded) -> TreeHash {
    let mut hash = Sha256::new_with_prefix([0x00]);
    write(event, |part| hash.update(part));
    TreeHash(hash.finalize().into())
}

fn write(event: &Recorded, mut sink: impl FnMut(&[u8])) {
    let mut fixed = [0; FIXED];
    fixed[0] = FORM;
    fixed[1..9].copy_from_slice(&event.position.0.to_be_bytes());
    fixed[9..25].copy_from_slice(event.id.as_bytes());
    fixed[25..33].copy_from_slice(&event.version.0.to_be_bytes());
    fixed[33..35].copy_from_slice(&event.schema.to_be_bytes());
    fixed[35..].copy_from_slice(&event.recorded_at.0.to_be_bytes());
    sink(&fixed);
    for text in [event.stream.as_str().as_bytes(), event.kind.as_bytes(), &event.data, &event.metadata] {
        let length = u32::try_from(text.len()).expect("an append holds at most 512 KiB");
        sink(&length.to_be_bytes());
        sink(text);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{leaf_bytes, leaf_hash};
    use crate::id::EventId;
    use crate::log::{Position, Recorded, StreamName, Version};
    use crate::time::Timestamp;
    use sha2::{Digest, Sha256};
    use std::collections::HashSet;
    use uuid::Uuid;

    /// An event of a log whose events all differ.
    pub(in crate::proof) fn event(number: u64) -> Recorded {
        Recorded {
            position: Position(number + 1),
            id: EventId(Uuid::from_u128(0xabc + u128::from(number))),
            stream: StreamName::new("thing", number),
            version: Version(1),
            kind: "thing.happened".into(),
            schema: 1,
            data: format!("{{\"number\":{number}}}").into_bytes(),
            metadata: b"{}".to_vec(),
            recorded_at: crate::time::Timestamp(1_795_255_200_000_000 + i64::try_from(number).unwrap()),
        }
    }

    #[test]
    fn the_form_never_changes() {
        let hex = "01\
            0000000000000001\
            00000000000000000000000000000abc\
            0000000000000001\
            0001\
            000660c44d1a1800\
            00000007 7468696e672d30\
            0000000e 7468696e672e68617070656e6564\
            0000000c 7b226e756d626572223a307d\
            00000002 7b7d"
            .replace(' ', "");
        let mut at = event(0);
        at.recorded_at = Timestamp(0x0006_60c4_4d1a_1800);
        assert_eq!(hex::encode(leaf_bytes(&at)), hex);
    }

    #[test]
    fn a_leaf_is_the_hash_of_a_zero_and_the_bytes() {
        let mut bytes = vec![0];
        bytes.extend(leaf_bytes(&event(7)));
        assert_eq!(leaf_hash(&event(7)).0, <[u8; 32]>::from(Sha256::digest(bytes)));
    }

    #[test]
    fn no_column_can_change_unseen() {
        let change = |change: fn(&mut Recorded)| {
            let mut event = event(7);
            change(&mut event);
            leaf_hash(&event)
        };
        let hashes: HashSet<_> = [
            leaf_hash(&event(7)),
            change(|event| event.position.0 += 1),
            change(|event| event.id = EventId(Uuid::nil())),
            change(|event| event.stream = StreamName::new("thing", 8)),
            change(|event| event.version.0 += 1),
            change(|event| event.kind = "thing.happenee".into()),
            change(|event| event.schema = 2),
            change(|event| event.data.push(b' ')),
            change(|event| event.metadata.push(b' ')),
            change(|event| event.recorded_at.0 = -1),
            // The same bytes in a row, divided elsewhere.
            change(|event| {
                event.data.push(b'{');
                event.metadata.remove(0);
            }),
        ]
        .into();
        assert_eq!(hashes.len(), 11);
    }
}
