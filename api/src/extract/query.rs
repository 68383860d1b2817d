//! Query strings. Parameters that nobody asks for are ignored, empty ones count as absent.

use super::invalid;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IntoDeserializer};

/// A query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    if percent_encoding::percent_decode_str(query).decode_utf8().is_err() {
        return Err(Problem::bad_request("the query is not valid UTF-8"));
    }
    let mut filled = form_urlencoded::Serializer::new(String::new());
    let mut has_empty = false;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            has_empty = true;
        } else {
            filled.append_pair(&name, &value);
        }
    }
    let filled = filled.finish();
    let query = if has_empty { &filled } else { query };
    let pairs = form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
        .map_err(|error| invalid(&error))
}

/// Values with commas between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let words = words.map(|word| {
            let word: StrDeserializer<'_, D::Error> = word.into_deserializer();
            T::deserialize(word)
        });
        words.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{List, parse};
    use crate::extract::Number;
    use crate::problem::Detail;
    use proptest::prelude::proptest;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    enum Colour {
        #[serde(rename = "RED")]
        Red,
        #[serde(rename = "BLUE")]
        Blue,
    }

    #[derive(Debug, Deserialize)]
    struct Wanted {
        #[serde(default)]
        colour: List<Colour>,
        limit: Option<Number<500>>,
        q: Option<String>,
    }

    fn problem(query: &str) -> Vec<Detail> {
        let problem = parse::<Wanted>(query).unwrap_err();
        assert_eq!(problem.status().as_u16(), 400);
        problem.body().details.clone()
    }

    #[test]
    fn lists_have_commas() {
        let wanted: Wanted = parse("colour=RED,%20BLUE,&limit=7&other=1").unwrap();
        assert_eq!((wanted.colour.0, wanted.limit), (vec![Colour::Red, Colour::Blue], Some(Number(7))));
    }

    #[test]
    fn empty_is_absent() {
        let wanted: Wanted = parse("colour=&limit=&q=").unwrap();
        assert_eq!((wanted.colour.0, wanted.limit, wanted.q), (vec![], None, None));
        let wanted: Wanted = parse("limit=&q=a%26b%2Bc+d").unwrap();
        assert_eq!(wanted.q.as_deref(), Some("a&b+c d"));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let detail =
            |path: &str, message: &str| vec![Detail { path: path.to_owned(), message: message.to_owned() }];
        assert_eq!(
            problem("colour=RED,PINK"),
            detail("colour", "unknown variant `PINK`, expected `RED` or `BLUE`")
        );
        assert_eq!(problem("limit=-1"), detail("limit", "must be a whole number from 1 to 500"));
        assert_eq!(problem("q=%FF"), vec![]);
    }

    proptest! {
        #[test]
        fn no_query_makes_the_reader_panic(query in ".{0,80}") {
            let _ = parse::<Wanted>(&query);
        }
    }
}
