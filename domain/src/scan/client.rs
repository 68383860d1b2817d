//! Scans that a client runs by itself: it fetches the rules, looks at the source where that is, and uploads what it
//! found (Semgrep reference §11). No worker has a part in them.

use crate::address::without_credentials;
use crate::blob::BlobHash;
use crate::id::{FindingId, ScanId};
use crate::limits::{CLIENT_SILENCE_SECONDS, CLIENT_TEXT_CHARS, REF_CHARS, URL_CHARS};
use crate::scan::{Failure, FailureCode, ScanOutcome, ScanType};
use crate::scanning::ScannerKind;
use crate::secret::{SecretFinder, mask};
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The attempt in which a client runs its scan: there is no other.
pub const CLIENT_ATTEMPT: u32 = 1;

/// How much of the source a scan looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Extent {
    /// All of it.
    #[serde(rename = "full")]
    Full,
    /// What changed since another commit.
    #[serde(rename = "changes")]
    Changes,
}

/// What a client says about a scan that it runs. Texts are bounded by [`plain_text`], addresses by [`plain_url`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRun {
    /// The client's own id of the run; its retries repeat it.
    #[serde(rename = "run")]
    pub run: Uuid,
    /// The client and its version: `semgrep 1.182.0`.
    #[serde(rename = "tool", skip_serializing_if = "Option::is_none", default)]
    pub tool: Option<String>,
    /// How much of the source it looks at.
    #[serde(rename = "extent")]
    pub extent: Extent,
    /// What it looks for.
    #[serde(rename = "products")]
    pub products: Vec<ScannerKind>,
    /// The repository as the client calls it: `acme/shop`.
    #[serde(rename = "repository")]
    pub repository: String,
    /// Where the repository is.
    #[serde(rename = "repositoryUrl", skip_serializing_if = "Option::is_none", default)]
    pub repository_url: Option<String>,
    /// Where it runs: `github-actions`.
    #[serde(rename = "environment", skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    /// What set it off: `push`, `pull_request`.
    #[serde(rename = "trigger", skip_serializing_if = "Option::is_none", default)]
    pub trigger: Option<String>,
    /// The job that runs it.
    #[serde(rename = "jobUrl", skip_serializing_if = "Option::is_none", default)]
    pub job_url: Option<String>,
    /// The pull request's number or id.
    #[serde(rename = "pullRequest", skip_serializing_if = "Option::is_none", default)]
    pub pull_request: Option<String>,
    /// What of [`super::ClientPeople`] is about nobody who is named, as JSON, sealed for whoever asked for the scan. In
    /// events from before [`Self::author`] it is all of them.
    #[serde(rename = "people", skip_serializing_if = "Option::is_none", default)]
    pub people: Option<Sealed>,
    /// What of [`super::ClientPeople`] is about who wrote the commit, as JSON, sealed for them
    /// ([`crate::identity::Mark`]).
    #[serde(rename = "author", skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Sealed>,
    /// What of [`super::ClientPeople`] is about who opened the pull request, as JSON, sealed for them.
    #[serde(rename = "opener", skip_serializing_if = "Option::is_none", default)]
    pub opener: Option<Sealed>,
}

impl ClientRun {
    /// The same without credentials in addresses, and in names that are addresses. Events from before they were taken off
    /// may have some.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        let plain = |url: &Option<String>| url.as_deref().map(|url| without_credentials(url).into_owned());
        Self {
            repository: without_credentials(&self.repository).into_owned(),
            repository_url: plain(&self.repository_url),
            job_url: plain(&self.job_url),
            ..self.clone()
        }
    }
}

/// `scan.results_received`: what a client found is on the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultsReceived {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// What came out.
    #[serde(rename = "outcome")]
    pub outcome: ScanOutcome,
    /// Which findings, as JSON: what the gate is asked about when the scan is completed.
    #[serde(rename = "seen")]
    pub seen: BlobHash,
    /// Rules that were run.
    #[serde(rename = "rules")]
    pub rules: u64,
    /// Matches that a comment in the source hides; none of them is on the branch.
    #[serde(rename = "ignored")]
    pub ignored: u64,
    /// What a scan of changes saw, at most [`crate::limits::RESULTS_FINDINGS`]. Empty for a scan of everything: what
    /// that saw is what it left on the branch.
    #[serde(rename = "changes", skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<FindingId>,
}

/// How a client's scan ended: what the client says, and what it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientEnd {
    /// The exit code that it means to end with: 0 without and 1 with blocking findings.
    #[serde(rename = "exitCode")]
    pub exit_code: u32,
    /// How long it took, in milliseconds.
    #[serde(rename = "totalTimeMs", skip_serializing_if = "Option::is_none", default)]
    pub total_time_ms: Option<u64>,
    /// The client's names of what fails its build because the gate wants no new findings, as a list in JSON; none if
    /// nothing does. Kept, because a repeated question is answered like the first one.
    #[serde(rename = "blocking", skip_serializing_if = "Option::is_none", default)]
    pub blocking: Option<BlobHash>,
}

/// Why a client's scan fails of which nothing was heard for [`CLIENT_SILENCE_SECONDS`]; `received` is what it uploaded.
pub fn silence(received: Option<&ResultsReceived>) -> Failure {
    let hours = CLIENT_SILENCE_SECONDS / 3_600;
    let message = match received {
        None => format!("the client that ran it was not heard of for {hours} hours"),
        Some(_) => format!(
            "its results are recorded, but for {hours} hours its client did not say how it ended, so no gate was asked"
        ),
    };
    Failure { code: FailureCode::ClientSilent, message }
}

impl ClientRun {
    /// All that is sealed about people: each is a part of [`super::ClientPeople`].
    pub fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        [&self.people, &self.author, &self.opener].into_iter().flatten()
    }

    /// Which of the types of scans this is.
    pub fn scan_type(&self) -> ScanType {
        match (self.extent, self.products.as_slice()) {
            (Extent::Changes, _) => ScanType::Incremental,
            (Extent::Full, [ScannerKind::Sast]) => ScanType::Sast,
            (Extent::Full, [ScannerKind::Secrets]) => ScanType::Secrets,
            (Extent::Full, [ScannerKind::Sca]) => ScanType::Sca,
            (Extent::Full, _) => ScanType::Full,
        }
    }

    /// Whether `branch`, without `refs/heads/`, becomes the default branch of a project that is made for this run:
    /// nothing but a whole branch is what everything is compared with.
    pub fn makes_default(&self, branch: &str) -> bool {
        self.extent == Extent::Full && !branch.starts_with("refs/")
    }
}

/// The branch on which a client's scan is recorded. `named` is the one that the client names, `default` that of the
/// project, which is meant where none is named.
///
/// Clients name the branch of a pull request as its author does, and in a fork that is often the default branch. What
/// was changed there says nothing about the project's own, so it is recorded under the pull request.
pub fn branch_of_client(named: Option<&str>, default: &str, run: &ClientRun) -> String {
    let branch = named.unwrap_or(default);
    match &run.pull_request {
        Some(id) if run.extent == Extent::Changes && branch == default => {
            const AROUND: usize = "refs/pull//head".len();
            format!("refs/pull/{}/head", id.chars().take(REF_CHARS - AROUND).collect::<String>())
        }
        Some(_) | None => branch.to_owned(),
    }
}

/// A message of a rule that nobody here knows, as it is kept. Clients fill in what the rule's pattern matched, which may
/// be a secret: what `finder` finds is masked, and so is what stands in quotes, as literals of the source do.
pub fn plain_message(message: &str, finder: &dyn SecretFinder) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut masked, mut from) = (String::with_capacity(message.len()), 0);
    for found in finder.find(&message) {
        masked.push_str(&message[from..found.place.start]);
        masked.push_str(&mask(message[found.place.clone()].as_bytes()));
        from = found.place.end;
    }
    masked.push_str(&message[from..]);
    without_quoted(&masked)
}

/// A text with `…` instead of everything in quotes. An apostrophe within a word opens none.
fn without_quoted(text: &str) -> String {
    let (mut kept, mut rest, mut before) = (String::with_capacity(text.len()), text, None);
    while let Some(next) = rest.chars().next() {
        let after = &rest[next.len_utf8()..];
        let opens = matches!(next, '"' | '\'' | '`') && !before.is_some_and(char::is_alphanumeric);
        rest = match after.find(next).filter(|_| opens) {
            Some(end) => {
                kept.push('…');
                &after[end + next.len_utf8()..]
            }
            None => {
                kept.push(next);
                after
            }
        };
        before = Some(next);
    }
    kept
}

/// The branch that a reference names: `main` of `refs/heads/main`. Other references name themselves.
pub fn branch_of_reference(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").unwrap_or(reference)
}

/// Text of a client as it is kept: on one line, without control characters and without credentials in addresses, cut at
/// [`CLIENT_TEXT_CHARS`]; `None` if nothing is left.
pub fn plain_text(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    // What is cut off could be the `@` by which a password is known.
    let text: String = without_credentials(text.trim()).chars().take(CLIENT_TEXT_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

/// An address of a client as it is kept: `http` or `https`, without the credentials that build servers write into
/// addresses ([`without_credentials`]), and without what follows `#`; `None` if it is none or too long.
pub fn plain_url(url: &str) -> Option<String> {
    let url = without_credentials(url.trim());
    let (scheme, rest) = url.split_once("://")?;
    if !["https", "http"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return None;
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '\\']);
    let url = format!("{}://{rest}", scheme.to_ascii_lowercase());
    let is_plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    (has_host && is_plain && url.chars().count() <= URL_CHARS).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::{branch_of_reference, plain_message, plain_text, plain_url};
    use crate::limits::{CLIENT_TEXT_CHARS, URL_CHARS};
    use crate::secret::{DetectorFacts, SecretFinder, SecretMatch};

    /// Finds nothing: what is tested is what is left out besides.
    struct Nothing;

    impl SecretFinder for Nothing {
        fn detectors(&self) -> Vec<&'static DetectorFacts> {
            vec![]
        }

        fn find(&self, _: &str) -> Vec<SecretMatch> {
            vec![]
        }
    }

    #[test]
    fn what_stands_in_quotes_is_not_kept() {
        for (message, kept) in [
            ("Password \"open sesame\" is\nin the code", "Password … is in the code"),
            ("Don't pass `x` or 'é' here, it's bad", "Don't pass … or … here, it's bad"),
            ("key=\"a\" and (\"b\")", "key=… and (…)"),
            ("An \"open end", "An \"open end"),
            ("", ""),
        ] {
            assert_eq!(plain_message(message, &Nothing), kept);
        }
    }

    #[test]
    fn branches_are_known_by_their_short_names() {
        assert_eq!(branch_of_reference("refs/heads/feature/a"), "feature/a");
        assert_eq!(branch_of_reference("main"), "main");
        assert_eq!(branch_of_reference("refs/pull/7/merge"), "refs/pull/7/merge");
    }

    #[test]
    fn addresses_lose_what_opens_them() {
        for (url, kept) in [
            ("https://example.org/acme/shop", Some("https://example.org/acme/shop")),
            ("https://ci:word@example.org/acme?a=b#c", Some("https://example.org/acme?a=b")),
            ("HTTPS://a@b@example.org", Some("https://example.org")),
            ("https://ci:wo#rd@example.org/acme", Some("https://example.org/acme")),
            ("https://example.org/acme?a=b&private_token=word", Some("https://example.org/acme?a=b")),
            ("https://word@example.org\\@elsewhere", Some("https://elsewhere")),
            ("ssh://git@example.org/acme", None),
            ("git@example.org:acme/shop", None),
            ("https://", None),
            ("https://word@", None),
            ("https://example.org/a b", None),
        ] {
            assert_eq!(plain_url(url).as_deref(), kept, "{url}");
        }
    }

    #[test]
    fn texts_and_addresses_have_limits() {
        let longest = "é".repeat(CLIENT_TEXT_CHARS);
        assert_eq!(plain_text(&format!("{longest}x")), Some(longest));
        assert_eq!(plain_text(" a\nb\0 "), Some("ab".to_owned()));
        assert_eq!(plain_text(" \n"), None);
        let told = format!("https://ci:{}@example.org/acme", "w".repeat(CLIENT_TEXT_CHARS));
        assert_eq!(plain_text(&told).as_deref(), Some("https://example.org/acme"));
        let url = |length: usize| format!("https://a/{}", "b".repeat(length - 10));
        assert_eq!(plain_url(&url(URL_CHARS)), Some(url(URL_CHARS)));
        assert_eq!(plain_url(&url(URL_CHARS + 1)), None);
    }
}
