//! Events are forever: a stored sample of every event type and schema that was ever written, and of metadata, is
//! kept in `tests/golden` and must be readable by every later version.
//!
//! A file is called `<type>.<schema>.json`, `<type>.<schema>.minimal.json` for a sample without the optional fields,
//! `<type>.<schema>.further.json` for one with optional fields that came later, or `<type>.<schema>.another.json` for
//! what the others leave out, and holds exactly the stored bytes on one line. To add the samples of a new type or schema, add them to
//! `samples/` and run
//!
//! ```sh
//! UPDATE_GOLDEN=1 cargo test -p scanledger-domain --test golden
//! ```
//!
//! which writes the files that are missing and never touches one that is there: what was released stays as it is.
//! (A file of a type that was never released may be deleted and written anew.) Without the variable nothing is
//! written.

mod samples;

use samples::{ANOTHER, FURTHER, MINIMAL, Sample, events, metadata};
use scanledger_domain::blob::{BlobHash, NotABlobHash};
use scanledger_domain::decider::DecodeError;
use scanledger_domain::event::Event;
use scanledger_domain::log::Metadata;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Writes `files` that are missing, if the environment asks for it.
fn write_missing(files: &BTreeMap<String, Vec<u8>>) {
    if std::env::var_os("UPDATE_GOLDEN").is_none_or(|value| value != "1") {
        return;
    }
    for (name, bytes) in files {
        let path = folder().join(name);
        if !path.exists() {
            fs::write(path, [bytes, &b"\n"[..]].concat()).expect("the folder of golden files can be written");
        }
    }
}

/// All golden files by name, each without the line end that editors like to see.
static GOLDEN: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    write_missing(&expected());
    let entries = fs::read_dir(folder()).expect("there is a folder of golden files");
    entries
        .map(|entry| {
            let path = entry.expect("the folder of golden files can be listed").path();
            let name =
                path.file_name().and_then(|name| name.to_str()).expect("golden files have plain names");
            let mut bytes = fs::read(&path).expect("golden files can be read");
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            (name.to_owned(), bytes)
        })
        .collect()
});

/// The bytes that this version writes for its samples, by file name.
fn expected() -> BTreeMap<String, Vec<u8>> {
    let events = events().into_iter().map(|Sample { variant, event }| {
        (format!("{}.{}{variant}.json", event.kind(), event.schema()), event.encode())
    });
    let metadata = metadata()
        .into_iter()
        .map(|(variant, metadata)| (format!("metadata{variant}.json"), metadata.encode()));
    events.chain(metadata).collect()
}

/// The newest schema that this version reads of a type; it may write an older one.
fn newest_schema(kind: &str) -> u16 {
    let schemas = Event::types().into_iter().filter(|(known, _)| *known == kind).map(|(_, schema)| schema);
    schemas.max().expect("every event has a type that is listed")
}

/// `("scan.queued", 1)` of `scan.queued.1.minimal.json`; `None` for metadata.
fn type_of(file: &str) -> Option<(&str, u16)> {
    let stem = file.strip_suffix(".json").expect("golden files are JSON");
    let variant = [MINIMAL, FURTHER, ANOTHER].into_iter().find_map(|variant| stem.strip_suffix(variant));
    let stem = variant.unwrap_or(stem);
    if stem == "metadata" {
        return None;
    }
    let (kind, schema) = stem.rsplit_once('.').expect("a golden file is called <type>.<schema>.json");
    Some((kind, schema.parse().expect("a schema is a number")))
}

#[test]
fn every_type_and_schema_has_a_file_and_every_file_a_type() {
    let kept: BTreeSet<_> = GOLDEN.keys().filter_map(|file| type_of(file)).collect();
    let known: BTreeSet<_> = Event::types().into_iter().collect();
    assert_eq!(kept, known);
    assert_eq!(known.len(), Event::types().len(), "a type is listed twice");
    for (kind, schema) in known {
        assert!(GOLDEN.contains_key(&format!("{kind}.{schema}.json")), "{kind}.{schema} has no full sample");
    }
}

#[test]
fn every_file_can_be_read() {
    for (file, bytes) in GOLDEN.iter() {
        match type_of(file) {
            Some((kind, schema)) => {
                let event =
                    Event::decode(kind, schema, bytes).unwrap_or_else(|error| panic!("{file}: {error:?}"));
                assert_eq!(event.kind(), kind);
            }
            None => {
                Metadata::decode(bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
    }
}

#[test]
fn what_is_read_in_the_current_schema_is_written_as_the_same_bytes() {
    for (file, bytes) in GOLDEN.iter() {
        let written = match type_of(file) {
            Some((kind, schema)) => {
                let event = Event::decode(kind, schema, bytes).unwrap();
                if event.schema() != schema {
                    continue;
                }
                event.encode()
            }
            None => Metadata::decode(bytes).unwrap().encode(),
        };
        assert_eq!(std::str::from_utf8(&written), std::str::from_utf8(bytes), "{file}");
    }
}

#[test]
fn files_say_what_the_samples_say() {
    for (file, written) in expected() {
        let kept = GOLDEN.get(&file).unwrap_or_else(|| panic!("{file} is missing"));
        assert_eq!(std::str::from_utf8(kept), std::str::from_utf8(&written), "{file}");
    }
    for Sample { variant, event } in events() {
        let schema = event.schema();
        let file = format!("{}.{schema}{variant}.json", event.kind());
        assert_eq!(Event::decode(event.kind(), schema, &GOLDEN[&file]).unwrap(), event, "{file}");
    }
    for (variant, metadata) in metadata() {
        assert_eq!(Metadata::decode(&GOLDEN[&format!("metadata{variant}.json")]).unwrap(), metadata);
    }
}

#[test]
fn files_are_one_line() {
    for (file, bytes) in GOLDEN.iter() {
        assert!(!bytes.contains(&b'\n') && !bytes.is_empty(), "{file}");
    }
}

#[test]
fn a_field_that_is_missing_or_of_another_kind_is_found_in_every_file() {
    for (file, bytes) in GOLDEN.iter() {
        let Some((kind, schema)) = type_of(file) else { continue };
        for broken in [&b"{}"[..], b"[]", b"null", b"", &bytes[..bytes.len() - 1]] {
            // Every field of this one is optional, so it may be empty.
            if kind == "branch.components_changed" && matches!(broken, b"{}" | b"[]") {
                continue;
            }
            let error = Event::decode(kind, schema, broken).expect_err(file);
            assert!(matches!(&error, DecodeError::Data { kind: of, .. } if of == kind), "{file}: {error:?}");
        }
    }
}

#[test]
fn an_unknown_type_or_schema_says_so_whatever_the_data() {
    let newer = Event::types().into_iter().map(|(kind, _)| (kind, newest_schema(kind) + 1));
    let unwritten = Event::types().into_iter().map(|(kind, _)| (kind, 0));
    for (kind, schema) in newer.chain(unwritten).chain([("scan.exploded", 1), ("", 1), ("SCAN.QUEUED", 1)]) {
        match Event::decode(kind, schema, b"no JSON") {
            Err(DecodeError::Unknown { kind: of, schema: in_schema }) => {
                assert_eq!((of.as_str(), in_schema), (kind, schema));
            }
            other => panic!("{kind}.{schema}: {other:?}"),
        }
    }
}

#[test]
fn fields_of_a_newer_writer_are_passed_over() {
    for (file, bytes) in GOLDEN.iter() {
        let Some((kind, schema)) = type_of(file) else { continue };
        let mut longer = bytes[..bytes.len() - 1].to_vec();
        longer.extend_from_slice(b",\"fieldOfTheFuture\":{\"a\":[1]}}");
        assert_eq!(
            Event::decode(kind, schema, &longer).unwrap(),
            Event::decode(kind, schema, bytes).unwrap(),
            "{file}"
        );
    }
}

/// Where there are texts in a value, as JSON pointers.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| texts(item, &format!("{at}/{index}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| texts(field, &format!("{at}/{name}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// Fields of type `BlobHash`: those that must be one. Answers where they are, and what they are.
fn hashes(kind: &str, schema: u16, data: &Value) -> Vec<(String, BlobHash)> {
    let mut found = Vec::new();
    texts(data, "", &mut found);
    let hash = |pointer: String| {
        let mut changed = data.clone();
        let field = changed.pointer_mut(&pointer).expect("there is a text");
        let text = std::mem::replace(field, "no hash".into());
        let refused = Event::decode(kind, schema, changed.to_string().as_bytes()).err()?;
        let is_hash = format!("{refused:?}").contains(&NotABlobHash.to_string());
        is_hash.then(|| (pointer, text.as_str().and_then(|text| text.parse().ok()).expect("it is a hash")))
    };
    found.into_iter().filter_map(hash).collect()
}

#[test]
fn every_blob_that_an_event_names_is_answered() {
    let mut fields = BTreeSet::new();
    for (file, bytes) in GOLDEN.iter() {
        let Some((kind, schema)) = type_of(file) else { continue };
        let (event, data) = (Event::decode(kind, schema, bytes).unwrap(), serde_json::from_slice(bytes));
        let named = hashes(kind, schema, &data.unwrap());
        fields.extend(named.iter().map(|(pointer, _)| {
            format!(
                "{kind}{}",
                pointer
                    .split('/')
                    .filter(|part| part.parse::<usize>().is_err())
                    .collect::<Vec<_>>()
                    .join("/")
            )
        }));
        // The source of a client's scan is none.
        let named = named.into_iter().map(|(_, hash)| hash).filter(|hash| *hash != BlobHash::of(b""));
        let answered = event.blobs().into_iter().map(|named| named.blob);
        assert_eq!(answered.collect::<BTreeSet<_>>(), named.collect::<BTreeSet<_>>(), "{file}");
    }
    // None of them is missing in the samples.
    let known = [
        "advisories.imported/files/blob",
        "branch.findings_updated/findings/occurrence/excerpt/blob",
        "branch.scanned/client/kept",
        "finding.detected/occurrence/excerpt/blob",
        "finding.reopened/occurrence/excerpt/blob",
        "scan.completed/outcome/artifacts/blob",
        "scan.completed/outcome/client/blocking",
        "scan.failed/log/blob",
        "scan.partial_kept/outcome/artifacts/blob",
        "scan.queued/source/blob",
        "scan.results_received/seen",
    ];
    assert_eq!(fields, known.map(str::to_owned).into());
}
