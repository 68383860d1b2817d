//! The difference between two instants of a branch.

use super::component::Component;
use super::finding::Finding;
use super::paging::cost;
use super::scalar::Place;
use super::scope::Pin;
use async_graphql::SimpleObject;
use scanledger_projections::diff;

/// Rows of each kind that a difference lists if nobody says how many.
pub(super) const DIFF_ROWS: i32 = 100;
/// Kinds of rows that a difference lists.
const DIFF_LISTS: usize = 6;

/// What a difference costs, whose lists are all read, also those that nothing is asked of.
pub(super) fn cost_of_diff(first: Option<i32>, fields: usize) -> usize {
    cost(Some(first.unwrap_or(DIFF_ROWS)), None, fields.max(DIFF_LISTS))
}

/// Findings of one kind of difference.
#[derive(SimpleObject)]
pub(super) struct FindingList {
    /// How many there are.
    total_count: u64,
    /// The first of them.
    nodes: Vec<Finding>,
}

/// Components of one kind of difference.
#[derive(SimpleObject)]
pub(super) struct ComponentList {
    /// How many there are.
    total_count: u64,
    /// The first of them.
    nodes: Vec<Component>,
}

/// A finding that was there before and after.
#[derive(SimpleObject)]
pub(super) struct FindingChange {
    /// As it was.
    before: Finding,
    /// As it is.
    after: Finding,
}

/// A component that was there before and after.
#[derive(SimpleObject)]
pub(super) struct ComponentChange {
    /// As it was.
    before: Component,
    /// As it is.
    after: Component,
}

/// Findings that look different or are triaged differently.
#[derive(SimpleObject)]
pub(super) struct FindingChangeList {
    /// How many there are.
    total_count: u64,
    /// The first of them.
    nodes: Vec<FindingChange>,
}

/// Components that are needed for something else.
#[derive(SimpleObject)]
pub(super) struct ComponentChangeList {
    /// How many there are.
    total_count: u64,
    /// The first of them.
    nodes: Vec<ComponentChange>,
}

/// What differs on a branch between two instants.
#[derive(SimpleObject)]
pub(super) struct Diff {
    /// The earlier instant.
    from: Place,
    /// The later instant.
    to: Place,
    /// Findings there at the later instant only.
    findings_added: FindingList,
    /// Findings there at the earlier instant only, as they were.
    findings_removed: FindingList,
    /// Findings there at both that differ.
    findings_changed: FindingChangeList,
    /// Components there at the later instant only.
    components_added: ComponentList,
    /// Components there at the earlier instant only.
    components_removed: ComponentList,
    /// Components there at both that differ.
    components_changed: ComponentChangeList,
}

impl Diff {
    /// The answer, its rows pinned to the two instants they are from.
    pub(super) fn new(diff: diff::Diff, from: Pin, to: Pin) -> Self {
        let finding = |row, pin| Finding { row, pin };
        Self {
            from: Place(diff.positions.0),
            to: Place(diff.positions.1),
            findings_added: FindingList {
                total_count: diff.findings_added.total,
                nodes: diff.findings_added.rows.into_iter().map(|row| finding(row, to)).collect(),
            },
            findings_removed: FindingList {
                total_count: diff.findings_removed.total,
                nodes: diff.findings_removed.rows.into_iter().map(|row| finding(row, from)).collect(),
            },
            findings_changed: FindingChangeList {
                total_count: diff.findings_changed.total,
                nodes: diff
                    .findings_changed
                    .rows
                    .into_iter()
                    .map(|(before, after)| FindingChange {
                        before: finding(before, from),
                        after: finding(after, to),
                    })
                    .collect(),
            },
            components_added: ComponentList {
                total_count: diff.components_added.total,
                nodes: diff.components_added.rows.into_iter().map(Component).collect(),
            },
            components_removed: ComponentList {
                total_count: diff.components_removed.total,
                nodes: diff.components_removed.rows.into_iter().map(Component).collect(),
            },
            components_changed: ComponentChangeList {
                total_count: diff.components_changed.total,
                nodes: diff
                    .components_changed
                    .rows
                    .into_iter()
                    .map(|(before, after)| ComponentChange {
                        before: Component(before),
                        after: Component(after),
                    })
                    .collect(),
            },
        }
    }
}
