//! What was typed about the code host, with the key that may be in a file.

use super::options::CodeHostArgs;
use crate::server::GitHubOptions;
use anyhow::{Context, Result, bail};
use scanledger_github::AppKey;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of a file with a key that are read at most: one of 8,192 bits has 6,400 in PEM.
const KEY_BYTES: u64 = 16 * 1024;

/// The GitHub App, if one is configured.
///
/// # Errors
/// When the file with its key cannot be read, the key is none, or a secret is empty.
pub(super) fn options(args: &CodeHostArgs) -> Result<Option<GitHubOptions>> {
    let Some(app) = args.github_app_id else { return Ok(None) };
    let key = match (&args.github_private_key, &args.github_private_key_file) {
        (Some(key), _) => key.0.clone(),
        (None, Some(file)) => {
            read(file).with_context(|| format!("while reading the key in {}", file.display()))?
        }
        (None, None) => String::new(),
    };
    let key = AppKey::try_new(&key).context("while reading the key of the GitHub App")?;
    if args.github_webhook_secret.as_ref().is_some_and(|secret| secret.0.is_empty()) {
        bail!("the secret of the webhook is empty, so anybody could sign with it");
    }
    let report_url = args.scan_base_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let of = args.github_installation.iter();
    Ok(Some(GitHubOptions {
        app,
        key,
        api: args.github_api.clone(),
        webhook_secret: args.github_webhook_secret.clone(),
        installations: of.map(|of| (of.installation, of.organization)).collect(),
        report_url,
        wait: args.dpendx_wait,
    }))
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(file)?.take(KEY_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
