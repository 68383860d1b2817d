//! What is on a branch, as far as the next decision needs to know.

use super::{AdvisoryDigest, ComponentKey, FoundBy, Occurrence, Opened, ScanCounts};
use crate::advisory::Generation;
use crate::component::{Component, Scope};
use crate::id::{FindingId, ScanId};
use crate::scanning::ScannerKind;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;

/// A digest over everything on a branch that does not depend on order: the sum, modulo 2^128, of the first
/// 16 bytes of SHA-256 over each finding and component. 32 hex digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct InventoryDigest(pub u128);

impl InventoryDigest {
    /// What a finding with this occurrence adds.
    pub fn of_finding(finding: FindingId, occurrence: &Occurrence) -> Self {
        let mut hash = Sha256::new();
        hash.update([0, occurrence.severity.rank()]);
        hash.update(finding.as_bytes());
        let mut text = |text: Option<&str>| {
            hash.update((text.map_or(0, |text| text.len() as u64 + 1)).to_be_bytes());
            hash.update(text.unwrap_or_default());
        };
        text(occurrence.fix.as_deref());
        for place in &occurrence.places {
            text(Some(&place.path));
            text(place.version.as_deref());
        }
        for place in &occurrence.places {
            hash.update(place.line.unwrap_or(0).to_be_bytes());
            hash.update(place.end_line.unwrap_or(0).to_be_bytes());
        }
        if let Some(columns) = occurrence.columns {
            hash.update(columns.start.to_be_bytes());
            hash.update(columns.end.to_be_bytes());
        }
        if let Some(imported) = occurrence.imported {
            hash.update([u8::from(imported)]);
        }
        Self::first_half(hash)
    }

    /// What a component adds.
    pub fn of_component(component: &Component) -> Self {
        let mut hash = Sha256::new();
        let scope = match component.scope {
            Scope::Runtime => 0,
            Scope::Development => 1,
            Scope::Optional => 2,
        };
        let direct = match component.direct {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        };
        hash.update([1, scope, direct]);
        for text in [
            component.package.ecosystem.as_str(),
            &component.package.name,
            &component.version,
            &component.path,
        ] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self::first_half(hash)
    }

    fn first_half(hash: Sha256) -> Self {
        let digest = hash.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(u128::from_be_bytes(half))
    }

    /// This digest with something more on the branch.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// This digest with something less on the branch.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// Big-endian bytes, as read models keep it.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The digest of bytes that read models keep.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for InventoryDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for InventoryDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for InventoryDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A finding that is or was on the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Who found it.
    pub scanner: ScannerKind,
    /// What it adds to the inventory digest.
    pub digest: InventoryDigest,
    /// What its advisories said when it was last told on the branch. `None` if that is not known, if no advisory is about
    /// it and, in read models, of what is not there now.
    pub advisory: Option<AdvisoryDigest>,
    /// Whether it is there now.
    pub is_present: bool,
}

/// Results of a run that are recorded already, although the run is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// What was recorded since the last complete scan; `unchanged` is not used.
    pub counts: ScanCounts,
}

/// What is on a branch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// How it began; `None` before its first results.
    pub opened: Option<Opened>,
    /// Whether a scan of it, or the branch it starts from, was ever complete: only then can a finding be new.
    pub has_history: bool,
    /// Findings that are or were on it.
    pub findings: HashMap<FindingId, Held>,
    /// Those of them that a client found.
    pub uploads: HashMap<FindingId, FoundBy>,
    /// Components that are on it, with what they add to the digest.
    pub components: HashMap<ComponentKey, InventoryDigest>,
    /// Over all that is on it.
    pub digest: InventoryDigest,
    /// The last complete scan and its run.
    pub last_scan: Option<(ScanId, u32)>,
    /// What its dependencies were last matched with.
    pub generation: Option<Generation>,
    /// Results recorded since then.
    pub pending: Pending,
}

impl Inventory {
    /// Whether a finding is on the branch now.
    pub fn holds(&self, finding: FindingId) -> bool {
        self.findings.get(&finding).is_some_and(|held| held.is_present)
    }

    pub(super) fn put(
        &mut self,
        finding: FindingId,
        scanner: ScannerKind,
        occurrence: &Occurrence,
        advisory: Option<AdvisoryDigest>,
    ) {
        self.take(finding);
        let digest = InventoryDigest::of_finding(finding, occurrence);
        self.digest = self.digest.plus(digest);
        self.findings.insert(finding, Held { scanner, digest, advisory, is_present: true });
    }

    pub(super) fn take(&mut self, finding: FindingId) -> Option<Held> {
        let held = self.findings.get_mut(&finding).filter(|held| held.is_present)?;
        held.is_present = false;
        self.digest = self.digest.minus(held.digest);
        Some(*held)
    }

    pub(super) fn put_component(&mut self, component: &Component) {
        let key = ComponentKey::from(component);
        self.take_component(&key);
        let digest = InventoryDigest::of_component(component);
        self.digest = self.digest.plus(digest);
        self.components.insert(key, digest);
    }

    pub(super) fn take_component(&mut self, key: &ComponentKey) {
        if let Some(digest) = self.components.remove(key) {
            self.digest = self.digest.minus(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InventoryDigest;
    use crate::blob::BlobHash;
    use crate::branch::samples::{component, place};
    use crate::branch::{ExcerptRef, Occurrence};
    use crate::component::{Component, Scope};
    use crate::finding::Columns;
    use crate::id::FindingId;
    use crate::severity::Severity;
    use std::collections::HashSet;
    use uuid::Uuid;

    const FINDING: FindingId = FindingId(Uuid::from_u128(1));

    fn occurrence() -> Occurrence {
        Occurrence {
            severity: Severity::High,
            places: vec![place("a", 7)],
            fix: Some("1.2.3".to_owned()),
            excerpt: None,
            columns: None,
            imported: None,
        }
    }

    #[test]
    fn digests_never_change() {
        // Computed from the definition in another language; digests stand in events and are kept for ever.
        let finding = InventoryDigest::of_finding(FINDING, &occurrence());
        assert_eq!(format!("{finding:?}"), "57fa58c11759873a5368a8d7763623e3");
        let lodash = InventoryDigest::of_component(&component("lodash", "1.0.0"));
        assert_eq!(format!("{lodash:?}"), "f3c97aa19ca1aa6b29248029f760454e");
    }

    #[test]
    fn everything_about_a_component_counts() {
        let one = component("lodash", "1.0.0");
        let others = [
            one.clone(),
            component("lodash1", ".0.0"),
            component("lodash", "2.0.0"),
            Component { path: "other".to_owned(), ..one.clone() },
            Component { scope: Scope::Development, ..one.clone() },
            Component { scope: Scope::Optional, ..one.clone() },
            Component { direct: Some(false), ..one.clone() },
            Component { direct: None, ..one },
        ];
        let digests: HashSet<_> = others.iter().map(InventoryDigest::of_component).collect();
        assert_eq!(digests.len(), others.len());
    }

    #[test]
    fn places_are_told_apart_wherever_their_words_are_cut() {
        let mut versioned = place("a", 7);
        versioned.version = Some("b".to_owned());
        let places = [
            vec![place("a", 7)],
            vec![versioned],
            vec![place("ab", 7)],
            vec![place("a", 7), place("b", 7)],
            vec![place("b", 7), place("a", 7)],
            vec![place("a", 7), place("a", 7)],
        ];
        let digests: HashSet<_> = places
            .iter()
            .map(|places| {
                InventoryDigest::of_finding(FINDING, &Occurrence { places: places.clone(), ..occurrence() })
            })
            .collect();
        assert_eq!(digests.len(), places.len());
    }

    #[test]
    fn columns_count_where_they_are_known() {
        let columns = |start, end| Some(Columns { start, end });
        let digests: HashSet<_> = [None, columns(1, 2), columns(1, 3), columns(2, 3)]
            .into_iter()
            .map(|columns| InventoryDigest::of_finding(FINDING, &Occurrence { columns, ..occurrence() }))
            .collect();
        assert_eq!(digests.len(), 4);
    }

    #[test]
    fn imports_count_where_they_are_known() {
        let digests: HashSet<_> = [None, Some(false), Some(true)]
            .into_iter()
            .map(|imported| InventoryDigest::of_finding(FINDING, &Occurrence { imported, ..occurrence() }))
            .collect();
        assert_eq!(digests.len(), 3);
    }

    #[test]
    fn excerpts_do_not_count() {
        let excerpt = Some(ExcerptRef { blob: BlobHash([1; 32]), start: 0, length: 1 });
        assert_eq!(
            InventoryDigest::of_finding(FINDING, &Occurrence { excerpt, ..occurrence() }),
            InventoryDigest::of_finding(FINDING, &occurrence())
        );
    }

    #[test]
    fn what_is_added_can_be_taken_away_in_any_order() {
        let (a, b) = (InventoryDigest(u128::MAX), InventoryDigest(5));
        assert_eq!(a.plus(b), b.plus(a));
        assert_eq!(a.plus(b).minus(a), b);
        assert_eq!(InventoryDigest::default().minus(a).plus(a), InventoryDigest::default());
    }

    #[test]
    fn digests_are_32_hex_digits_and_16_bytes() {
        let digest = InventoryDigest(0xab);
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, "\"000000000000000000000000000000ab\"");
        assert_eq!(serde_json::from_str::<InventoryDigest>(&json).unwrap(), digest);
        assert_eq!(InventoryDigest::from_bytes(digest.to_bytes()), digest);
        for bad in ["\"\"", "\"xy\"", "1", "\"1000000000000000000000000000000ab\""] {
            assert!(serde_json::from_str::<InventoryDigest>(bad).is_err(), "{bad}");
        }
    }
}
