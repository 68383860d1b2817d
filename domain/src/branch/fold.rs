//! What the events of a branch say is on it, for whoever cannot rely on a read model.

use super::{BranchEvent, Inventory, Occurrence, Present};
use crate::id::FindingId;
use crate::scanning::ScannerKind;
use std::collections::HashMap;

/// Whether a read model says of a branch what the log says, as far as it can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Soundness {
    /// Nothing speaks against it.
    Sound,
    /// What it has of the branch, or of one that the branch starts from, is not what a scan ended with, or does not add
    /// up: decisions are made on what the log says ([`Folded`]).
    Broken,
}

/// What events say is on a branch: its inventory, and how findings of some scanners of the server look there.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    inventory: Inventory,
    scanners: Vec<ScannerKind>,
    /// Those that are there or, once the branch is closed, were there last.
    looks: HashMap<FindingId, Present>,
}

impl Folded {
    /// A branch before its first event. How findings look is kept of what `scanners` found; what clients uploaded is
    /// not theirs.
    pub fn watching(scanners: Vec<ScannerKind>) -> Self {
        Self { scanners, ..Self::default() }
    }

    /// What is on the branch.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Folds one event. If it opens the branch from another, [`Self::starting_from`] comes first.
    pub fn apply(&mut self, event: &BranchEvent) {
        match event {
            BranchEvent::Opened(opened) => {
                if opened.base.is_none() {
                    self.looks.clear();
                }
            }
            BranchEvent::Detected(detected) => {
                if detected.upload.is_none() {
                    self.look(detected.finding, detected.scanner, &detected.occurrence);
                }
            }
            BranchEvent::Reopened(reopened) => {
                if !self.inventory.uploads.contains_key(&reopened.finding) {
                    self.look(reopened.finding, reopened.scanner, &reopened.occurrence);
                }
            }
            BranchEvent::FindingsUpdated(updated) => {
                for update in &updated.findings {
                    if let Some(look) = self.looks.get_mut(&update.finding) {
                        look.severity = update.occurrence.severity;
                        look.places.clone_from(&update.occurrence.places);
                    }
                }
            }
            BranchEvent::Resolved(resolved) => {
                self.looks.remove(&resolved.finding);
            }
            BranchEvent::ComponentsChanged(_) | BranchEvent::Scanned(_) | BranchEvent::Closed(_) => (),
        }
        self.inventory.apply(event);
    }

    fn look(&mut self, finding: FindingId, scanner: ScannerKind, occurrence: &Occurrence) {
        if self.scanners.contains(&scanner) {
            let (severity, places) = (occurrence.severity, occurrence.places.clone());
            self.looks.insert(finding, Present { finding, scanner, severity, places });
        }
    }

    /// A branch that is not open, as it begins: with everything that is on `base`, as [`Inventory::starting_from`].
    #[must_use]
    pub fn starting_from(self, base: Self) -> Self {
        let Self { inventory, mut looks, .. } = base;
        looks.retain(|finding, _| inventory.holds(*finding));
        Self { inventory: self.inventory.starting_from(inventory), scanners: self.scanners, looks }
    }

    /// The inventory, and how findings look that are there or, if the branch is closed, were there when it was closed; in
    /// any order.
    pub fn into_parts(self) -> (Inventory, Vec<Present>) {
        (self.inventory, self.looks.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Folded;
    use crate::branch::samples::{
        SHOP, at_line, closed, observed, on_feature, scan, secret, uploaded, weakness,
    };
    use crate::branch::{
        BaseBranch, Branch, BranchEvent, ClosedBecause, Inventory, Observed, Present, branch_id,
    };
    use crate::decider::Decider;
    use crate::log::Position;
    use crate::scanning::ScannerKind::{Sast, Secrets};
    use std::slice::from_ref;

    /// `main` after the scan number `n` saw this.
    fn scanned(mut folded: Folded, n: u128, seen: &[Observed]) -> Folded {
        for event in Branch::decide(folded.inventory(), scan(n, seen)).unwrap() {
            folded.apply(&event);
        }
        folded
    }

    fn looks(folded: Folded) -> Vec<Present> {
        let mut looks = folded.into_parts().1;
        looks.sort_by_key(|look| look.finding);
        looks
    }

    fn as_seen(seen: &[Observed]) -> Vec<Present> {
        let look = |seen: &Observed| Present {
            finding: seen.finding,
            scanner: seen.scanner(),
            severity: seen.detection.severity,
            places: seen.detection.places.clone(),
        };
        let mut looks: Vec<Present> = seen.iter().map(look).collect();
        looks.sort_by_key(|look| look.finding);
        looks
    }

    #[test]
    fn findings_look_as_they_were_seen_last() {
        let [a, b, c] = ["a", "b", "c"].map(|file| observed(secret(file)));
        let folded = scanned(Folded::watching(vec![Secrets]), 1, &[a.clone(), b.clone()]);
        let moved = at_line(a.clone(), 9);
        let folded = scanned(folded, 2, &[moved.clone(), c.clone()]);
        assert_eq!(looks(folded.clone()), as_seen(&[moved.clone(), c.clone()]));
        let back = scanned(folded, 3, &[moved.clone(), b.clone(), c.clone()]);
        assert_eq!(looks(back), as_seen(&[moved, b, c]));
    }

    #[test]
    fn other_scanners_and_clients_are_not_watched() {
        let seen = [observed(secret("a")), observed(weakness("b")), observed(uploaded("eval", "c"))];
        for (scanners, watched) in
            [(vec![], &seen[..0]), (vec![Secrets], &seen[..1]), (vec![Sast], &seen[1..2])]
        {
            let folded = scanned(Folded::watching(scanners), 1, &seen);
            assert_eq!(folded.inventory().findings.len(), 3);
            assert_eq!(looks(folded), as_seen(watched));
        }
    }

    #[test]
    fn what_was_there_last_is_known_until_the_branch_is_opened_again() {
        let [a, b] = ["a", "b"].map(|file| observed(secret(file)));
        let mut folded = scanned(Folded::watching(vec![Secrets]), 1, from_ref(&a));
        folded.apply(&closed(ClosedBecause::Deleted));
        assert!(!folded.inventory().holds(a.finding));
        assert_eq!(looks(folded.clone()), as_seen(&[a]));
        assert_eq!(looks(scanned(folded, 2, from_ref(&b))), as_seen(&[b]));
    }

    #[test]
    fn a_branch_begins_with_what_its_base_has_and_knows_what_it_had() {
        let [a, b, c] = ["a", "b", "c"].map(|file| observed(secret(file)));
        let base = scanned(Folded::watching(vec![Secrets]), 1, &[a.clone(), b.clone()]);
        let base = scanned(base, 2, from_ref(&a));
        let mut own = scanned(Folded::watching(vec![Secrets]), 3, from_ref(&c));
        own.apply(&closed(ClosedBecause::Merged));
        let expected = own.inventory().clone().starting_from(base.inventory().clone());
        let mut begun = own.starting_from(base);
        assert_eq!(begun.inventory(), &expected);
        assert_eq!(looks(begun.clone()), as_seen(from_ref(&a)));
        let from = BaseBranch { branch: branch_id(SHOP, "main"), position: Position(9) };
        let record = on_feature(scan(4, &[a.clone(), c.clone()]), Some(from));
        let events: Vec<BranchEvent> = Branch::decide(begun.inventory(), record).unwrap();
        events.iter().for_each(|event| begun.apply(event));
        assert_eq!(looks(begun), as_seen(&[a, c]));
    }

    #[test]
    fn a_base_that_was_closed_has_nothing_to_begin_with() {
        let a = observed(secret("a"));
        let mut base = scanned(Folded::watching(vec![Secrets]), 1, &[a]);
        base.apply(&closed(ClosedBecause::Silent));
        let begun = Folded::watching(vec![Secrets]).starting_from(base);
        assert_eq!(begun.inventory(), &Inventory::default());
        assert_eq!(looks(begun), []);
    }
}
