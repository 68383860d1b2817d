//! Scalars: instants, places in the log, cursors.

use async_graphql::connection::CursorType;
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;

/// An instant as RFC 3339 in UTC, with microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant(pub(super) Timestamp);

/// An instant as RFC 3339 in UTC, with microseconds: `2026-11-21T10:00:00.000000Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for Instant {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Timestamp::parse_rfc3339(text)
                .map(Self)
                .ok_or_else(|| InputValueError::custom("not an instant in RFC 3339")),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_micros())
    }
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) Position);

/// A place in the log: a whole number as text, because 64 bits do not survive in JavaScript's numbers.
#[Scalar(name = "Position")]
impl ScalarType for Place {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        // Stores keep positions as signed 64-bit numbers.
        number
            .filter(|&number| i64::try_from(number).is_ok())
            .map(|number| Self(Position(number)))
            .ok_or_else(|| InputValueError::custom("not a position: expected a whole number from 0"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Where a row stands in its list, as an opaque cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor(pub(super) u64);

/// Text that is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub(super) struct NotACursor;

/// Stands before the number, so that cursors cannot be mistaken for numbers to count with.
const MARK: &str = "row:";

impl CursorType for Cursor {
    type Error = NotACursor;

    fn decode_cursor(text: &str) -> Result<Self, NotACursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| NotACursor)?;
        let number: u64 = text.strip_prefix(MARK).and_then(|n| n.parse().ok()).ok_or(NotACursor)?;
        if i64::try_from(number).is_err() {
            return Err(NotACursor);
        }
        Ok(Self(number))
    }

    fn encode_cursor(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{MARK}{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Instant, NotACursor, Place};
    use async_graphql::connection::CursorType;
    use async_graphql::{ScalarType, Value};
    use proptest::prelude::{prop_assert_eq, proptest};
    use scanledger_domain::log::Position;

    #[test]
    fn positions_are_text_and_keep_64_bits() {
        let largest = Place(Position(i64::MAX.cast_unsigned()));
        assert_eq!(largest.to_value(), Value::from("9223372036854775807"));
        assert_eq!(Place::parse(Value::from("9223372036854775807")).ok(), Some(largest));
        assert_eq!(Place::parse(Value::from(7)).ok(), Some(Place(Position(7))));
        for bad in ["9223372036854775808", "-1", "1.5", "", "seven"] {
            assert!(Place::parse(Value::from(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_are_rfc_3339_with_microseconds() {
        let parsed = Instant::parse(Value::from("2026-11-21T11:00:00.123456+01:00")).ok().unwrap();
        assert_eq!(parsed.to_value(), Value::from("2026-11-21T10:00:00.123456Z"));
        assert!(Instant::parse(Value::from("yesterday")).is_err());
        assert!(Instant::parse(Value::from(5)).is_err());
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        for bad in ["", "5", "cm93", "cm93Oi0x", "cm93OjkyMjMzNzIwMzY4NTQ3NzU4MDg", "\u{1F980}"] {
            assert_eq!(Cursor::decode_cursor(bad), Err(NotACursor), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn cursors_come_back_as_they_were(number in 0..=i64::MAX.cast_unsigned()) {
            prop_assert_eq!(Cursor::decode_cursor(&Cursor(number).encode_cursor()), Ok(Cursor(number)));
        }

        #[test]
        fn no_text_makes_cursors_panic(text in ".*") {
            let _ = Cursor::decode_cursor(&text);
        }
    }
}
