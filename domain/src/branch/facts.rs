//! What advisories say of a finding, and how a branch knows cheaply what it was told.

use super::{AdvisoryFacts, Detected, Observed};
use crate::scanning::Identity;
use sha2::{Digest, Sha256};

/// How many things advisories say of a finding.
const FACTS: usize = 7;

/// A short hash of each thing that the advisories of a finding said when it was last told on a branch, so that findings
/// are compared without their texts.
///
/// It stands in read models and never in events. Of four billion changes it misses one, until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AdvisoryDigest([u32; FACTS]);

impl AdvisoryDigest {
    /// Bytes of it in read models.
    pub const BYTES: usize = FACTS * size_of::<u32>();

    /// What was told of a finding that came; `None` if no advisory is about it.
    pub fn of_detected(detected: &Detected) -> Option<Self> {
        Said::of_detected(detected).map(|said| said.digest())
    }

    /// What is known after something was told of a finding, or nothing was.
    pub fn after(known: Option<Self>, told: Option<&AdvisoryFacts>) -> Option<Self> {
        told.map(|told| known.unwrap_or_default().with(told)).or(known)
    }

    fn with(mut self, told: &AdvisoryFacts) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(|text| hash([text]));
        let word = |word: &Option<Option<String>>| word.as_ref().map(|word| hash(word.as_deref()));
        let list = |list: &Option<Vec<String>>| list.as_ref().map(|list| hash(list.iter().map(|one| &**one)));
        let hashes = [
            text(&told.title),
            text(&told.description),
            word(&told.cwe),
            word(&told.cve),
            list(&told.advisories),
            word(&told.informational),
            list(&told.references),
        ];
        for (known, hash) in self.0.iter_mut().zip(hashes) {
            *known = hash.unwrap_or(*known);
        }
        self
    }

    /// Big-endian bytes, as read models keep it.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (part, hash) in bytes.chunks_exact_mut(size_of::<u32>()).zip(self.0) {
            part.copy_from_slice(&hash.to_be_bytes());
        }
        bytes
    }

    /// The digest of bytes that read models keep.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let mut hashes = [0; FACTS];
        for (hash, part) in hashes.iter_mut().zip(bytes.chunks_exact(size_of::<u32>())) {
            *hash = part.iter().fold(0, |hash, byte| hash << 8 | u32::from(*byte));
        }
        Self(hashes)
    }
}

/// The first bytes of SHA-256 over words, wherever they are cut.
fn hash<'a>(words: impl IntoIterator<Item = &'a str>) -> u32 {
    let mut hash = Sha256::new();
    for word in words {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word);
    }
    hash.finalize().iter().take(size_of::<u32>()).fold(0, |hash, byte| hash << 8 | u32::from(*byte))
}

/// Everything that advisories say of a finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    title: &'a str,
    description: &'a str,
    cwe: Option<&'a str>,
    cve: Option<&'a str>,
    advisories: &'a [String],
    informational: Option<&'a str>,
    references: &'a [String],
}

impl<'a> Said<'a> {
    /// What they say by now; `None` of what no advisory is about, and of what clients say themselves.
    pub(super) fn of(observed: &'a Observed) -> Option<Self> {
        let detection = &observed.detection;
        match &detection.identity {
            Identity::Advisory { group, informational, .. } => Some(Self {
                title: &detection.title,
                description: &detection.description,
                cwe: detection.cwe.as_deref(),
                cve: detection.cve.as_deref(),
                advisories: group,
                informational: informational.as_deref(),
                references: &detection.references,
            }),
            Identity::Secret { .. } | Identity::Code { .. } | Identity::Upload(_) => None,
        }
    }

    fn of_detected(detected: &'a Detected) -> Option<Self> {
        (detected.package.is_some() && detected.upload.is_none()).then(|| Self {
            title: &detected.title,
            description: &detected.description,
            cwe: detected.cwe.as_deref(),
            cve: detected.cve.as_deref(),
            advisories: &detected.advisories,
            informational: detected.informational.as_deref(),
            references: &detected.references,
        })
    }

    fn digest(self) -> AdvisoryDigest {
        AdvisoryDigest([
            hash([self.title]),
            hash([self.description]),
            hash(self.cwe),
            hash(self.cve),
            hash(self.advisories.iter().map(|id| &**id)),
            hash(self.informational),
            hash(self.references.iter().map(|address| &**address)),
        ])
    }

    /// All of it.
    pub(super) fn all(self) -> AdvisoryFacts {
        self.told([true; FACTS])
    }

    /// What is not `known`: everything, if nothing is.
    pub(super) fn since(self, known: Option<AdvisoryDigest>) -> Option<AdvisoryFacts> {
        let Some(known) = known else { return Some(self.all()) };
        let now = self.digest();
        (now != known).then(|| self.told(std::array::from_fn(|fact| now.0[fact] != known.0[fact])))
    }

    fn told(self, which: [bool; FACTS]) -> AdvisoryFacts {
        let [title, description, cwe, cve, advisories, informational, references] = which;
        let word = |is_told: bool, word: Option<&str>| is_told.then(|| word.map(str::to_owned));
        AdvisoryFacts {
            title: title.then(|| self.title.to_owned()),
            description: description.then(|| self.description.to_owned()),
            cwe: word(cwe, self.cwe),
            cve: word(cve, self.cve),
            advisories: advisories.then(|| self.advisories.to_vec()),
            informational: word(informational, self.informational),
            references: references.then(|| self.references.to_vec()),
        }
    }
}

impl AdvisoryFacts {
    /// Everything that a finding was told with when it came; `None` if no advisory is about it.
    pub fn of_detected(detected: &Detected) -> Option<Self> {
        Said::of_detected(detected).map(Said::all)
    }
}

#[cfg(test)]
mod tests {
    use super::{AdvisoryDigest, Said};
    use crate::branch::samples::{observed, secret, uploaded, vulnerable, weakness};
    use crate::branch::{AdvisoryFacts, Observed};
    use crate::scanning::{Detection, Identity};
    use std::collections::HashSet;

    fn seen(change: impl FnOnce(&mut Detection)) -> Observed {
        let mut detection = vulnerable("lodash", &["GHSA-1"]);
        detection.references = vec!["https://example.org/1".to_owned()];
        change(&mut detection);
        observed(detection)
    }

    fn group_of(detection: &mut Detection) -> (&mut Vec<String>, &mut Option<String>) {
        match &mut detection.identity {
            Identity::Advisory { group, informational, .. } => (group, informational),
            other => panic!("{other:?}"),
        }
    }

    /// Every fact, changed alone.
    fn changed() -> [Observed; 7] {
        [
            seen(|seen| seen.title.push('!')),
            seen(|seen| seen.description.push('!')),
            seen(|seen| seen.cwe = Some("CWE-1".to_owned())),
            seen(|seen| seen.cve = Some("CVE-1".to_owned())),
            seen(|seen| group_of(seen).0.push("OSV-1".to_owned())),
            seen(|seen| *group_of(seen).1 = Some("notice".to_owned())),
            seen(|seen| seen.references.clear()),
        ]
    }

    fn said(seen: &Observed) -> Said<'_> {
        Said::of(seen).unwrap()
    }

    #[test]
    fn exactly_what_changed_is_told_and_what_was_told_is_known() {
        let first = seen(|_| ());
        let known = said(&first).digest();
        assert_eq!(said(&first).since(Some(known)), None);
        for (fact, other) in changed().iter().enumerate() {
            let told = said(other).since(Some(known)).unwrap();
            let json = serde_json::to_value(&told).unwrap();
            assert_eq!(json.as_object().unwrap().len(), 1, "{fact}: {json}");
            assert_eq!(AdvisoryDigest::after(Some(known), Some(&told)), Some(said(other).digest()));
            let back = said(&first).since(AdvisoryDigest::after(Some(known), Some(&told))).unwrap();
            assert_eq!(AdvisoryDigest::after(Some(said(other).digest()), Some(&back)), Some(known));
        }
    }

    #[test]
    fn what_is_not_known_is_told_whole() {
        let first = seen(|_| ());
        let all = said(&first).since(None).unwrap();
        assert_eq!(all, said(&first).all());
        assert_eq!(AdvisoryDigest::after(None, Some(&all)), Some(said(&first).digest()));
        assert_eq!(AdvisoryDigest::after(None, None), None);
    }

    #[test]
    fn what_is_said_no_longer_is_null_and_what_is_as_it_was_is_absent() {
        let facts = AdvisoryFacts { informational: Some(None), ..AdvisoryFacts::default() };
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(json, r#"{"informational":null}"#);
        assert_eq!(serde_json::from_str::<AdvisoryFacts>(&json).unwrap(), facts);
        assert_eq!(serde_json::from_str::<AdvisoryFacts>("{}").unwrap(), AdvisoryFacts::default());
    }

    #[test]
    fn words_are_told_apart_wherever_they_are_cut() {
        let lists: [&[&str]; 5] = [&[], &[""], &["ab"], &["a", "b"], &["b", "a"]];
        let hashes: HashSet<u32> = lists.iter().map(|list| super::hash(list.iter().copied())).collect();
        assert_eq!(hashes.len(), lists.len());
    }

    #[test]
    fn no_advisory_says_anything_of_secrets_of_code_and_of_what_clients_name() {
        for detection in [secret("a"), weakness("a"), uploaded("eval", "a.py")] {
            assert!(Said::of(&observed(detection)).is_none());
        }
    }

    #[test]
    fn digests_are_kept_as_bytes() {
        let digest = said(&seen(|_| ())).digest();
        assert_eq!(AdvisoryDigest::from_bytes(digest.to_bytes()), digest);
        let one = AdvisoryDigest([0x0102_0304, 0, 0, 0, 0, 0, 5]);
        assert_eq!((&one.to_bytes()[..4], one.to_bytes()[27]), (&[1, 2, 3, 4][..], 5));
    }
}
