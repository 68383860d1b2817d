//! Whether secrets that a client found are honeytokens (reference §11). Neither side tells the other a secret: the client
//! sends the beginning of a hash, and gets a hash of every hash that begins so.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use scanledger_domain::limits::HONEYTOKEN_PREFIXES;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// Hexadecimal digits of a prefix.
const PREFIX_CHARS: usize = 5;

/// Beginnings of hashes.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenPrefixes)]
pub struct PrefixesIn {
    /// Each 5 hexadecimal digits, with which the hash of a secret begins.
    #[schema(max_items = 500)]
    prefixes: Vec<String>,
}

/// Honeytokens that may be meant.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenMatches)]
pub struct MatchesOut {
    matches: Vec<MatchOut>,
}

/// A honeytoken that may be meant.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenMatch)]
pub struct MatchOut {
    /// SHA-256 of the whole hash, hex.
    hint: String,
}

/// Which honeytokens have hashes that begin like these
#[utoipa::path(
    post, path = "/v1/honeytokens/prefixes", tag = "GitGuardian honeytokens", request_body = PrefixesIn,
    responses((status = 200, body = MatchesOut))
)]
pub async fn check_prefixes(
    State(app): State<App>,
    caller: Caller,
    body: Body<PrefixesIn>,
) -> Result<Json<MatchesOut>, Problem> {
    let prefixes = checked(body.value.prefixes)?;
    let hashes = app.views.honeytoken_hashes(caller.organization(), prefixes).await?;
    let matches = hashes.iter().filter_map(|hash| Some(MatchOut { hint: hint_of(hash)? })).collect();
    Ok(Json(MatchesOut { matches }))
}

fn checked(prefixes: Vec<String>) -> Result<Vec<String>, Problem> {
    if prefixes.len() > HONEYTOKEN_PREFIXES {
        return Err(Problem::invalid("prefixes", format!("must be at most {HONEYTOKEN_PREFIXES}")));
    }
    let is_prefix = |text: &String| text.len() == PREFIX_CHARS && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(wrong) = prefixes.iter().position(|text| !is_prefix(text)) {
        let message = format!("must be {PREFIX_CHARS} hexadecimal digits");
        return Err(Problem::invalid(format!("prefixes.{wrong}"), message));
    }
    Ok(prefixes.into_iter().map(|text| text.to_ascii_lowercase()).collect())
}

fn hint_of(hash: &str) -> Option<String> {
    let bytes = hex::decode(hash).ok()?;
    Some(hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::{HONEYTOKEN_PREFIXES, checked, hint_of};

    #[test]
    fn so_many_prefixes_are_looked_up() {
        let prefixes = |count: usize| vec!["0aF9b".to_owned(); count];
        assert_eq!(checked(prefixes(1)).unwrap(), ["0af9b"]);
        assert_eq!(checked(prefixes(HONEYTOKEN_PREFIXES)).unwrap().len(), HONEYTOKEN_PREFIXES);
        assert!(checked(prefixes(HONEYTOKEN_PREFIXES + 1)).is_err());
        for bad in ["", "0af9", "0af9bc", "0af9g", "0af9é"] {
            assert!(checked(vec![bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hint_is_the_hash_of_the_bytes_of_a_hash() {
        // printf '\x00\xff' | sha256sum
        let expected = "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8";
        assert_eq!(hint_of("00ff").as_deref(), Some(expected));
        assert_eq!(hint_of("0"), None);
    }
}
