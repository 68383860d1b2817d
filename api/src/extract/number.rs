//! Values in requests that need more than `serde` says.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// A whole number from 1 to `MAX`, written in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<const MAX: u32>(pub u32);

impl<'de, const MAX: u32> Deserialize<'de> for Number<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.parse().ok().filter(|number| (1..=MAX).contains(number));
        number
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("must be a whole number from 1 to {MAX}")))
    }
}

/// A field of a patch: absent leaves it, `null` clears it.
pub type Patched<T> = Option<Option<T>>;

/// Reads a [`Patched`] field that is present.
///
/// # Errors
/// When its value does not fit.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Patched<T>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Text or a number, kept as text: some clients write one, some the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque(pub String);

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque(…)")
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Opaque;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Opaque, E> {
                Ok(Opaque(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Opaque, E> {
                Ok(Opaque(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Opaque, E> {
                Err(E::invalid_value(Unexpected::Signed(number), &self))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Number, Opaque, Patched, present};
    use serde::Deserialize;
    use serde_json::json;

    #[test]
    fn numbers_of_pages_are_positive_and_have_an_end() {
        let of = |text: &str| serde_json::from_value::<Number<500>>(json!(text)).ok().map(|number| number.0);
        assert_eq!(of("1"), Some(1));
        assert_eq!(of("500"), Some(500));
        for bad in ["0", "501", "-1", "1.5", "", "99999999999999999999", "ten"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        #[derive(Deserialize)]
        struct Patch {
            #[serde(default, deserialize_with = "present")]
            text: Patched<String>,
        }
        let of = |json| serde_json::from_value::<Patch>(json).unwrap().text;
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({ "text": null })), Some(None));
        assert_eq!(of(json!({ "text": "x" })), Some(Some("x".to_owned())));
    }

    #[test]
    fn revisions_are_text_or_numbers() {
        assert_eq!(serde_json::from_value::<Opaque>(json!(7)).unwrap(), Opaque("7".to_owned()));
        assert_eq!(serde_json::from_value::<Opaque>(json!("HEAD")).unwrap(), Opaque("HEAD".to_owned()));
        for bad in [json!(-1), json!(1.5), json!(true), json!([])] {
            assert!(serde_json::from_value::<Opaque>(bad).is_err());
        }
    }
}
