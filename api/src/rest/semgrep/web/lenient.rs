//! Values that clients write as they like: text or numbers, one or many, in the query or in the body (reference §1, §6).

use crate::app::App;
use crate::extract::parse_value;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// The fields of a query: text, or a list of texts where a name is repeated. Empty ones count as absent.
///
/// # Errors
/// 400 for what is not UTF-8.
pub fn fields(query: &str) -> Result<Map<String, Value>, Problem> {
    if percent_encoding::percent_decode_str(query).decode_utf8().is_err() {
        return Err(Problem::bad_request("the query is not valid UTF-8"));
    }
    let mut fields = Map::new();
    let pairs = form_urlencoded::parse(query.as_bytes());
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(&*name) {
            None => drop(fields.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Ok(fields)
}

/// A query in which names may be repeated.
pub struct Repeated<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Repeated<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let fields = fields(parts.uri.query().unwrap_or_default())?;
        parse_value(Value::Object(fields)).map(Self)
    }
}

/// One value or a list of them; null is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }

            fn visit_unit<E: Error>(self) -> Result<Many<T>, E> {
                Ok(Many::default())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Many<T>, E> {
                let text: StrDeserializer<'_, E> = text.into_deserializer();
                T::deserialize(text).map(|value| Many(vec![value]))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Many<T>, E> {
                let number: U64Deserializer<E> = number.into_deserializer();
                T::deserialize(number).map(|value| Many(vec![value]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many<T>, A::Error> {
                let mut values = vec![];
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Many(values))
            }
        }
        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

/// A value that some write as text and some as what it is.
trait Written: Sized {
    const EXPECTED: &'static str;

    fn of_text(text: &str) -> Option<Self>;

    fn of_number(_: f64) -> Option<Self> {
        None
    }

    fn of_whole(_: u64) -> Option<Self> {
        None
    }

    fn of_bool(_: bool) -> Option<Self> {
        None
    }
}

fn read<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Reader<T>(PhantomData<T>);
    impl<T: Written> Visitor<'_> for Reader<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::EXPECTED)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            T::of_text(text.trim()).ok_or_else(|| E::custom(format_args!("expected {}", T::EXPECTED)))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            T::of_whole(number).ok_or_else(|| E::custom(format_args!("expected {}", T::EXPECTED)))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
            T::of_number(number).ok_or_else(|| E::custom(format_args!("expected {}", T::EXPECTED)))
        }

        fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
            T::of_bool(flag).ok_or_else(|| E::custom(format_args!("expected {}", T::EXPECTED)))
        }
    }
    deserializer.deserialize_any(Reader(PhantomData))
}

/// A whole number from 0, as a number or as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole(pub u64);

impl Written for Whole {
    const EXPECTED: &'static str = "a whole number from 0";

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn of_whole(number: u64) -> Option<Self> {
        Some(Self(number))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// A span of seconds from 0, with fractions, as a number or as text; kept in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub i64);

impl Written for Seconds {
    const EXPECTED: &'static str = "a number of seconds from 0";

    fn of_text(text: &str) -> Option<Self> {
        Self::of_number(text.parse().ok()?)
    }

    fn of_number(number: f64) -> Option<Self> {
        let span = std::time::Duration::try_from_secs_f64(number).ok()?;
        i64::try_from(span.as_micros()).ok().map(Self)
    }

    fn of_whole(number: u64) -> Option<Self> {
        i64::try_from(number).ok()?.checked_mul(1_000_000).map(Self)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// Yes or no, as such, as text or as 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Yes.
    Yes,
    /// No.
    No,
}

impl Written for Flag {
    const EXPECTED: &'static str = "true or false";

    fn of_text(text: &str) -> Option<Self> {
        match text {
            "true" | "True" | "1" => Some(Self::Yes),
            "false" | "False" | "0" => Some(Self::No),
            _ => None,
        }
    }

    fn of_whole(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Yes),
            0 => Some(Self::No),
            _ => None,
        }
    }

    fn of_bool(flag: bool) -> Option<Self> {
        Some(if flag { Self::Yes } else { Self::No })
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// The number of rows that is wanted, within `most`.
///
/// # Errors
/// 400 for none and for too many.
pub fn rows(name: &str, wanted: Option<Whole>, usual: u32, most: u32) -> Result<u32, Problem> {
    let Some(Whole(wanted)) = wanted else { return Ok(usual) };
    let rows = u32::try_from(wanted).ok().filter(|rows| (1..=most).contains(rows));
    rows.ok_or_else(|| Problem::invalid(name, format!("must be a whole number from 1 to {most}")))
}

#[cfg(test)]
mod tests {
    use super::{Flag, Many, Seconds, Whole, fields, rows};
    use proptest::prelude::proptest;
    use serde_json::{Value, from_value, json};

    #[test]
    fn names_are_repeated_and_empty_is_absent() {
        let fields = fields("a=1&b=x&b=y&b=z&c=&d=%2B").unwrap();
        assert_eq!(Value::Object(fields), json!({ "a": "1", "b": ["x", "y", "z"], "d": "+" }));
    }

    #[test]
    fn one_is_a_list_too() {
        for value in [json!("7"), json!(7), json!([7]), json!(["7"])] {
            assert_eq!(from_value::<Many<Whole>>(value).unwrap(), Many(vec![Whole(7)]));
        }
        assert_eq!(from_value::<Many<String>>(Value::Null).unwrap(), Many(vec![]));
        for bad in [json!(-1), json!("x"), json!([[1]]), json!({}), json!(true)] {
            assert!(from_value::<Many<Whole>>(bad).is_err());
        }
    }

    #[test]
    fn seconds_have_fractions_and_no_past() {
        for (value, micros) in [(json!(1.5), 1_500_000), (json!("1.5"), 1_500_000), (json!(2), 2_000_000)] {
            assert_eq!(from_value::<Seconds>(value).unwrap(), Seconds(micros));
        }
        for bad in [json!(-1), json!("NaN"), json!(1e300), json!(u64::MAX), json!("-0.1")] {
            assert!(from_value::<Seconds>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn flags_are_written_in_many_ways() {
        for yes in [json!(true), json!("true"), json!("True"), json!(1), json!("1")] {
            assert_eq!(from_value::<Flag>(yes).unwrap(), Flag::Yes);
        }
        assert_eq!(from_value::<Flag>(json!("false")).unwrap(), Flag::No);
        for bad in [json!("yes"), json!(2), json!(null)] {
            assert!(from_value::<Flag>(bad).is_err());
        }
    }

    #[test]
    fn pages_have_limits() {
        assert_eq!(rows("page_size", None, 100, 3_000).unwrap(), 100);
        assert_eq!(rows("page_size", Some(Whole(3_000)), 100, 3_000).unwrap(), 3_000);
        for bad in [0, 3_001, u64::MAX] {
            assert!(rows("page_size", Some(Whole(bad)), 100, 3_000).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_the_reader_panic(query in ".{0,80}") {
            let _ = fields(&query);
        }
    }
}
