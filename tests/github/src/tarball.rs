//! Archives, from a server of their own.

use crate::Stub;
use crate::refusal::{NOT_FOUND, Refusal};
use crate::world::Files;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tar::{Builder, EntryType, Header};

pub(crate) fn routes(stub: Arc<Stub>) -> Router {
    Router::new().route("/{owner}/{name}/legacy.tar.gz/{*reference}", get(archive)).with_state(stub)
}

async fn archive(
    State(stub): State<Arc<Stub>>,
    Path((owner, name, reference)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if headers.contains_key(AUTHORIZATION) {
        stub.violations.lock().unwrap().push("the server with archives sees a token".to_owned());
    }
    if query.get("token").is_none_or(|ticket| ticket != "t1cket") {
        return Err(NOT_FOUND);
    }
    let mut world = stub.world.lock().unwrap();
    let key = format!("{owner}/{name}").to_ascii_lowercase();
    let repository = world.repositories.get(&key).ok_or(NOT_FOUND)?;
    let sha = repository.resolve(&reference).ok_or(NOT_FOUND)?;
    let folder = format!("{owner}-{name}-{}", &sha[..7]);
    let archive = pack(&folder, &sha, repository.files(&sha));
    let is_broken = world.broken_archives > 0;
    world.broken_archives = world.broken_archives.saturating_sub(1);
    Ok(([(CONTENT_TYPE, "application/x-gzip")], in_pieces(&archive, is_broken)).into_response())
}

/// A body that does not say how long it is, as GitHub's archives do not.
fn in_pieces(archive: &[u8], is_broken: bool) -> Body {
    let mut pieces: Vec<_> = archive.chunks(64).map(|piece| Ok(piece.to_vec())).collect();
    if is_broken {
        pieces.truncate(1);
        pieces.push(Err(io::Error::other("the archive breaks off")));
    }
    Body::from_stream(stream::iter(pieces).then(async |piece| {
        if piece.is_err() {
            // What is before it has to be on its way, or there would be no answer at all.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        piece
    }))
}

/// A gzipped tar as `git archive` makes it: a global header with the commit, and one folder with everything in it.
fn pack(folder: &str, sha: &str, files: &Files) -> Vec<u8> {
    let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let comment = format!("52 comment={sha}\n");
    let mut global = Header::new_ustar();
    global.set_entry_type(EntryType::XGlobalHeader);
    append(&mut tar, global, "pax_global_header", comment.as_bytes());
    let mut top = Header::new_ustar();
    top.set_entry_type(EntryType::Directory);
    append(&mut tar, top, &format!("{folder}/"), b"");
    for (path, content) in files {
        append(&mut tar, Header::new_ustar(), &format!("{folder}/{path}"), content);
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn append(tar: &mut Builder<GzEncoder<Vec<u8>>>, mut header: Header, path: &str, content: &[u8]) {
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, content).unwrap();
}
