//! What a pattern cannot say about a secret: checksums, structure, and what names in code look like.

mod armor;
mod assigned;
mod packet;
mod private_key;
mod token;

pub(super) use assigned::{is_mixed, is_no_default_password, is_password};
pub(super) use private_key::{is_locked_key, is_open_key};
#[cfg(test)]
pub(super) use token::{base62_checksum, bech32_checksum, grafana_checksum};
pub(super) use token::{
    is_age_key, is_basic_auth, is_bedrock_key, is_discord_token, is_github_token, is_grafana_cloud_token,
    is_grafana_token, is_intercom_token, is_jfrog_reference, is_jwt, is_mapbox_token, is_npm_token,
    is_onepassword_token, is_pypi_token, is_sentry_token,
};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Tools disagree about padding and about the bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes that base64 of either alphabet stands for.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let standard: Vec<u8> = text
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(standard).ok()
}
