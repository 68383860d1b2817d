//! Receiving an upload: the archive goes to a file as it comes and is never in memory whole.

use super::upload::ScanIn;
use crate::app::App;
use crate::extract::{parse_json, parse_value};
use crate::problem::Problem;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use scanledger_commands::Fault;
use scanledger_domain::limits::{JSON_BODY_BYTES, UPLOAD_BYTES, UPLOAD_PARTS};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::io::{AsyncWriteExt, BufWriter};

/// Bytes gathered before they go to the file.
const BUFFER_BYTES: usize = 1024 * 1024;
/// Endings of archives that can be unpacked (reference §3.1).
const ENDINGS: [&str; 4] = [".zip", ".tar", ".tar.gz", ".tgz"];
/// Media types under which clients send such archives; without one, the ending decides.
const MEDIA_TYPES: [&str; 12] = [
    "application/zip",
    "application/x-zip",
    "application/x-zip-compressed",
    "application/tar",
    "application/x-tar",
    "application/gzip",
    "application/x-gzip",
    "application/tar+gzip",
    "application/x-gtar",
    "application/x-tgz",
    "application/x-compressed-tar",
    "application/octet-stream",
];

/// An archive in a file that is removed when this is dropped.
pub struct Archive {
    /// Where it is.
    pub file: TempPath,
    /// What the client calls it.
    pub name: String,
    digest: Option<[u8; 32]>,
}

/// An upload.
pub struct Received {
    /// What it says.
    pub fields: ScanIn,
    /// The archive.
    pub archive: Option<Archive>,
    /// SHA-256 of everything it says, if asked for: boundaries differ when a client repeats itself.
    pub digest: [u8; 32],
}

/// Receives an upload, and computes its digest if it `is_keyed`.
///
/// # Errors
/// 400 for what is no upload, too large or not an archive (reference §3.1); else a fault.
pub async fn receive(app: &App, request: Request, is_keyed: bool) -> Result<Received, Problem> {
    let mut multipart = Multipart::from_request(request, app)
        .await
        .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    match parts(app, &mut multipart, is_keyed).await {
        Ok((fields, archive)) => {
            let digest = digest(&fields, archive.as_ref());
            Ok(Received { fields: parse_value(Value::Object(fields))?, archive, digest })
        }
        Err(problem) => {
            drain(&mut multipart).await;
            Err(problem.closing())
        }
    }
}

/// Reads what is left, within limits: a client that is still sending would not see the answer.
async fn drain(multipart: &mut Multipart) {
    let mut left = UPLOAD_BYTES;
    for _ in 0..=UPLOAD_PARTS {
        let Ok(Some(mut field)) = multipart.next_field().await else { return };
        while let Ok(Some(chunk)) = field.chunk().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                return;
            }
        }
    }
}

async fn parts(
    app: &App,
    multipart: &mut Multipart,
    is_keyed: bool,
) -> Result<(Map<String, Value>, Option<Archive>), Problem> {
    let mut fields = Map::new();
    let mut archive = None;
    let mut text_left = JSON_BODY_BYTES;
    for _ in 0..=UPLOAD_PARTS {
        let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? else {
            return Ok((fields, archive));
        };
        let name = field.name().unwrap_or_default().to_owned();
        match (name.as_str(), field.file_name().map(str::to_owned)) {
            ("source" | "file", Some(_)) if archive.is_some() => {
                return Err(Problem::invalid(name, "only one archive can be uploaded at a time"));
            }
            ("source" | "file", Some(file_name)) => {
                archive = Some(store(app, field, file_name, is_keyed).await?);
            }
            ("source" | "file", None) => return Err(Problem::invalid(name, "must be a file with a name")),
            ("data", _) => {
                let text = text(field, "data", &mut text_left).await?;
                fields.extend(parse_json::<Map<String, Value>>(text.as_bytes())?);
            }
            _ => {
                let text = text(field, &name, &mut text_left).await?;
                if !text.is_empty() {
                    fields.insert(name, Value::String(text));
                }
            }
        }
    }
    Err(Problem::bad_request(format!("an upload has at most {UPLOAD_PARTS} parts")))
}

fn broken(error: &MultipartError) -> Problem {
    Problem::bad_request(format!("the upload is not valid: {}", error.body_text()))
}

/// A text part, taken from what all of them together may still have.
async fn text(mut field: Field<'_>, name: &str, left: &mut usize) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        *left = left.checked_sub(chunk.len()).ok_or_else(|| {
            Problem::invalid(name, format!("text parts together may have at most {JSON_BODY_BYTES} bytes"))
        })?;
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| Problem::invalid(name, "is not valid UTF-8"))
}

async fn store(app: &App, mut field: Field<'_>, name: String, is_keyed: bool) -> Result<Archive, Problem> {
    check_kind(&name, field.content_type())?;
    let fault =
        |doing| move |source: std::io::Error| Problem::from(Fault::Other { doing, source: source.into() });
    let folder = app.upload_folder.clone();
    let made =
        tokio::task::spawn_blocking(move || tempfile::Builder::new().prefix("upload-").tempfile_in(folder));
    let made = made.await.map_err(|error| Problem::fault(&error))?;
    let (file, path) = made.map_err(fault("make a file for an upload"))?.into_parts();
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, tokio::fs::File::from_std(file));
    let mut hash = Sha256::new();
    let mut size = 0;
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        size += chunk.len() as u64;
        if size > UPLOAD_BYTES {
            return Err(Problem::invalid("source", format!("has more than {UPLOAD_BYTES} bytes")));
        }
        if is_keyed {
            hash.update(&chunk);
        }
        file.write_all(&chunk).await.map_err(fault("write an upload"))?;
    }
    if size == 0 {
        return Err(Problem::invalid("source", "is empty"));
    }
    file.flush().await.map_err(fault("write an upload"))?;
    Ok(Archive { file: path, name, digest: is_keyed.then(|| hash.finalize().into()) })
}

fn check_kind(name: &str, media_type: Option<&str>) -> Result<(), Problem> {
    let lower = name.to_ascii_lowercase();
    if !ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
        return Err(Problem::invalid("source", format!("must be an archive: {}", ENDINGS.join(", "))));
    }
    let media_type =
        media_type.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match media_type {
        Some(media_type) if !MEDIA_TYPES.contains(&media_type.as_str()) => {
            Err(Problem::invalid("source", "its media type is not that of an archive"))
        }
        Some(_) | None => Ok(()),
    }
}

/// SHA-256 over the fields, which a map of `serde_json` keeps sorted by name, and the archive.
fn digest(fields: &Map<String, Value>, archive: Option<&Archive>) -> [u8; 32] {
    let mut hash = Sha256::new();
    let fields = Value::Object(fields.clone()).to_string();
    hash.update((fields.len() as u64).to_be_bytes());
    hash.update(fields);
    if let Some(archive) = archive {
        hash.update((archive.name.len() as u64).to_be_bytes());
        hash.update(&archive.name);
        hash.update(archive.digest.unwrap_or_default());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{check_kind, digest};
    use serde_json::{Map, Value, json};

    #[test]
    fn archives_are_told_by_ending_and_media_type() {
        for (name, media_type) in [
            ("a.zip", Some("application/zip")),
            ("A.TGZ", Some("application/octet-stream")),
            ("a.tar.gz", Some("application/gzip; x=y")),
            ("a.tar", None),
        ] {
            assert!(check_kind(name, media_type).is_ok(), "{name}");
        }
        for (name, media_type) in [
            ("a.rar", Some("application/octet-stream")),
            ("a", None),
            ("a.zip.exe", None),
            ("a.zip", Some("text/html")),
            ("a.gz", Some("application/gzip")),
        ] {
            assert!(check_kind(name, media_type).is_err(), "{name}");
        }
    }

    #[test]
    fn the_digest_tells_what_is_said_and_not_in_which_order() {
        let of = |value: Value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        let one = digest(&of(json!({ "branch": "main", "scanType": "FULL" })), None);
        assert_eq!(one, digest(&of(json!({ "scanType": "FULL", "branch": "main" })), None));
        assert_ne!(one, digest(&of(json!({ "branch": "dev", "scanType": "FULL" })), None));
    }
}
