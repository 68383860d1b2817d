//! Which versions a range of an OSV record affects.

use crate::version::Version;
use scanledger_domain::component::Ecosystem;
use serde::{Deserialize, Serialize};

/// One event of a range, as its record writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    #[serde(rename = "introduced")]
    Introduced(String),
    #[serde(rename = "fixed")]
    Fixed(String),
    #[serde(rename = "last_affected")]
    LastAffected(String),
    #[serde(rename = "limit")]
    Limit(String),
}

/// Where an event stands among the versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    /// `introduced: "0"`: before every version.
    Start,
    /// A version that cannot be read. It stands below every version that can, as in OSV's own evaluation
    /// (PyPI's "legacy" versions): a range that ends there is empty.
    Unreadable,
    At(Version),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Affected from here on.
    On,
    /// Not affected from here on.
    Off,
    /// Not affected after this.
    OffAfter,
}

/// A range, its events in the order of their versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Range {
    turns: Vec<(Point, Turn)>,
    /// Versions that are affected by themselves (introduced and last affected at once).
    single: Vec<Version>,
    limits: Vec<Version>,
}

impl Range {
    /// Sorts and reads the events.
    ///
    /// Where events stand at the same version, an end comes before a beginning, so that windows which touch
    /// (`[1, 2)` and `[2, 3)`) stay one; a window from a version to itself is taken out first, because it
    /// would be turned inside out by that.
    pub(crate) fn new(ecosystem: Ecosystem, events: &[Event]) -> Self {
        let point = |text: &str| Version::parse(ecosystem, text).map_or(Point::Unreadable, Point::At);
        let mut range = Self::default();
        for event in events {
            let (point, turn) = match event {
                Event::Introduced(version) if version == "0" => (Point::Start, Turn::On),
                Event::Introduced(version) => (point(version), Turn::On),
                Event::Fixed(version) => (point(version), Turn::Off),
                Event::LastAffected(version) => (point(version), Turn::OffAfter),
                Event::Limit(version) => {
                    // `*` and what cannot be read limit nothing.
                    range.limits.extend(Version::parse(ecosystem, version));
                    continue;
                }
            };
            match range.turns.last() {
                Some((last, Turn::On)) if *last == point && turn != Turn::On => {
                    range.turns.pop();
                    if let (Point::At(version), Turn::OffAfter) = (point, turn) {
                        range.single.push(version);
                    }
                }
                _ => range.turns.push((point, turn)),
            }
        }
        range.turns.sort_by(|(a, turn_a), (b, turn_b)| {
            a.cmp(b).then_with(|| (*turn_a == Turn::On).cmp(&(*turn_b == Turn::On)))
        });
        range
    }

    /// How many events it keeps.
    pub(crate) fn events(&self) -> usize {
        self.turns.len() + self.single.len() + self.limits.len()
    }

    /// Whether `version` is in the range: the evaluation of the OSV schema ("Evaluation").
    pub(crate) fn contains(&self, version: &Version) -> bool {
        if !self.limits.is_empty() && !self.limits.iter().any(|limit| version < limit) {
            return false;
        }
        let mut affected = false;
        for (point, turn) in &self.turns {
            let reached = match point {
                Point::Start | Point::Unreadable => true,
                Point::At(at) if *turn == Turn::OffAfter => version > at,
                Point::At(at) => version >= at,
            };
            if reached {
                affected = *turn == Turn::On;
            }
        }
        affected || self.single.contains(version)
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Range};
    use crate::version::Version;
    use proptest::prelude::*;
    use scanledger_domain::component::Ecosystem;

    /// `+1` introduced, `-1` fixed, `=1` last affected, `<1` limit.
    fn events(text: &str) -> Vec<Event> {
        text.split_whitespace()
            .map(|event| {
                let version = event[1..].to_owned();
                match &event[..1] {
                    "+" => Event::Introduced(version),
                    "-" => Event::Fixed(version),
                    "=" => Event::LastAffected(version),
                    _ => Event::Limit(version),
                }
            })
            .collect()
    }

    #[track_caller]
    fn check(ecosystem: Ecosystem, range: &str, inside: &[&str], outside: &[&str]) {
        let contains = {
            let range = Range::new(ecosystem, &events(range));
            move |version: &&str| range.contains(&Version::parse(ecosystem, version).unwrap())
        };
        assert_eq!(
            inside.iter().copied().filter(|v| !contains(v)).collect::<Vec<_>>(),
            [""; 0],
            "{range}: in"
        );
        assert_eq!(outside.iter().copied().filter(contains).collect::<Vec<_>>(), [""; 0], "{range}: out");
    }

    #[test]
    fn zero_is_before_everything() {
        check(Ecosystem::CratesIo, "+0 -1.0.0", &["0.0.0-0", "0.0.0", "1.0.0-rc.1"], &["1.0.0", "2.0.0"]);
        check(Ecosystem::PyPi, "+0 -1.0", &["0.dev0", "1.0rc1", "1.0.dev1"], &["1.0", "1.0.post1", "1!0.1"]);
    }

    #[test]
    fn a_range_without_an_end_stays_open() {
        check(Ecosystem::Npm, "+1.2.0", &["1.2.0", "99.0.0"], &["1.1.9", "1.2.0-beta"]);
    }

    #[test]
    fn what_is_fixed_is_outside_and_what_is_last_affected_is_inside() {
        check(Ecosystem::Npm, "+1.0.0 -1.5.0", &["1.4.9", "1.5.0-rc.1"], &["1.5.0"]);
        check(Ecosystem::Npm, "+1.0.0 =1.5.0", &["1.5.0"], &["1.5.1-0", "1.5.1"]);
    }

    #[test]
    fn several_windows_are_read_in_any_order() {
        for range in
            ["+0.6.3 -0.6.14 +1.0.0 -1.6.1", "+1.0.0 -1.6.1 +0.6.3 -0.6.14", "+1.0.0 +0.6.3 -1.6.1 -0.6.14"]
        {
            check(
                Ecosystem::CratesIo,
                range,
                &["0.6.3", "0.6.13", "1.0.0", "1.6.0"],
                &["0.6.2", "0.6.14", "0.9.0", "1.0.0-alpha", "1.6.1"],
            );
        }
    }

    #[test]
    fn windows_that_touch_are_one() {
        // PYSEC-2022-42972 and PYSEC-2023-72 write them so.
        check(
            Ecosystem::PyPi,
            "+0.13.0 -0.14.0rc1 +0.12.2 -0.13.0",
            &["0.12.2", "0.13.0"],
            &["0.12.1", "0.14.0rc1"],
        );
        check(
            Ecosystem::PyPi,
            "+0 -3.1.1 +3.2.0 -3.2.2 +3.1.1 -3.2.0",
            &["3.1.1", "3.2.0", "3.2.1"],
            &["3.2.2"],
        );
        check(Ecosystem::Npm, "+0 =1.0.0 +1.0.1 -2.0.0", &["1.0.0", "1.0.1"], &["1.0.1-0", "2.0.0"]);
    }

    #[test]
    fn a_window_from_a_version_to_itself_is_empty_if_fixed_and_one_version_if_last_affected() {
        // RUSTSEC-2022-0012 ends so.
        check(
            Ecosystem::CratesIo,
            "+0.9.0 -0.9.2 +0.10.0 -0.10.0",
            &["0.9.1"],
            &["0.9.2", "0.10.0", "0.11.0"],
        );
        check(Ecosystem::Npm, "+2.1.4 =2.1.4", &["2.1.4"], &["2.1.3", "2.1.5"]);
    }

    #[test]
    fn a_limit_ends_every_window() {
        check(Ecosystem::Npm, "+1.0.0 <2.0.0", &["1.0.0", "1.9.9"], &["2.0.0", "3.0.0"]);
        check(Ecosystem::Npm, "+1.0.0 <2.0.0 <3.0.0", &["2.5.0"], &["3.0.0"]);
        check(Ecosystem::Npm, "+1.0.0 <*", &["9.0.0"], &["0.9.0"]);
    }

    #[test]
    fn an_unreadable_version_stands_below_all_others() {
        check(Ecosystem::PyPi, "+0 -0.2.0-n653", &[], &["0.1.0", "0.2.0"]);
        check(Ecosystem::PyPi, "+2019-01-01 -2.0", &["1.0"], &["2.0"]);
    }

    #[test]
    fn without_events_nothing_is_affected() {
        check(Ecosystem::Go, "", &[], &["0.0.0", "1.0.0"]);
        check(Ecosystem::Go, "-1.0.0", &[], &["0.9.0", "1.0.0"]);
    }

    #[test]
    fn go_releases_are_inside_their_windows() {
        check(
            Ecosystem::Go,
            "+0 -1.21.9 +1.22.0-0 -1.22.2",
            &["go1.21.8", "1.20", "go1.22rc1", "go1.22.1"],
            &["go1.21.9", "1.21.13", "1.22.2", "go1.23.0"],
        );
    }

    proptest! {
        /// Against the definition: disjoint windows, or-ed.
        #[test]
        fn disjoint_windows_are_or_ed(
            bounds in proptest::collection::btree_set(0u64..40, 2..8),
            asked in 0u64..42,
            rotate in 0usize..4,
        ) {
            let bounds: Vec<_> = bounds.into_iter().collect();
            let mut windows: Vec<_> = bounds.chunks_exact(2).map(|w| (w[0], w[1])).collect();
            let expected = windows.iter().any(|(from, to)| (*from..*to).contains(&asked));
            let turns = rotate % windows.len();
            windows.rotate_left(turns);
            let events: Vec<_> = windows
                .iter()
                .flat_map(|(from, to)| {
                    [Event::Introduced(format!("{from}.0.0")), Event::Fixed(format!("{to}.0.0"))]
                })
                .collect();
            let version = Version::parse(Ecosystem::Npm, &format!("{asked}.0.0")).unwrap();
            prop_assert_eq!(Range::new(Ecosystem::Npm, &events).contains(&version), expected);
        }
    }
}
