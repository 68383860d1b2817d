//! Words of closed sets: columns hold the same ones as events.

use crate::store::column::to_json;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};

/// The word that stands for `value`, a variant without content.
pub(super) fn word<T: Serialize>(value: T) -> String {
    to_json(&value).trim_matches('"').to_owned()
}

/// What a word in a column stands for.
pub(super) fn read_word<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    read(index, row.get_ref(index)?.as_str()?)
}

/// What a word in a column stands for, or null.
pub(super) fn read_optional_word<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<Option<T>> {
    row.get_ref(index)?.as_str_or_null()?.map(|word| read(index, word)).transpose()
}

fn read<T: DeserializeOwned>(index: usize, word: &str) -> rusqlite::Result<T> {
    T::deserialize(StrDeserializer::<Error>::new(word))
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}
