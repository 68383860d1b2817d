//! Patches: what git says is different about one file, from its first hunk header on (GitGuardian reference §5).
//!
//! Neither the lines of a patch nor all of them without their first character are what a file ever held: a key that
//! was exchanged stands there twice, line beside line. So both sides are searched, the file as it is now and as it
//! was before, hunk by hunk.

use super::{DetectorFacts, SecretFinder};
use crate::severity::Severity;
use std::ops::Range;

/// What a patch does with what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiffKind {
    /// It comes, at least a line of it.
    Addition,
    /// It goes, at least a line of it.
    Deletion,
    /// It stands around what changes.
    Context,
}

/// A secret in a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchMatch {
    /// What kind.
    pub detector: &'static DetectorFacts,
    /// How bad.
    pub severity: Severity,
    /// Where, in bytes of the patch. Of several lines all but the first bring their first character along.
    pub place: Range<usize>,
    /// What becomes of it; none where a line is not of a patch at all.
    pub kind: Option<DiffKind>,
    /// What stood or stands in the file.
    pub value: String,
}

/// Whether a document is a patch: it begins with a hunk header.
pub fn is_patch(document: &str) -> bool {
    hunk_header(first_line(document)).is_some()
}

/// The secrets on both sides of a patch, by place. Linear in the length of the patch, as far as the finder is.
pub fn find_in_patch(finder: &dyn SecretFinder, patch: &str) -> Vec<PatchMatch> {
    let mut found = Vec::new();
    let mut hunk = Vec::new();
    let mut start = 0;
    for text in patch.split_inclusive('\n') {
        let line = Line::of(text, start);
        start += text.len();
        if line.sign == Sign::Header {
            find_in_hunk(finder, patch, &hunk, &mut found);
            hunk.clear();
            // What git shows there stands further up in the file.
            find_on(Side::New, finder, patch, &[line], &mut found);
        } else if line.sign != Sign::Remark {
            hunk.push(line);
        }
    }
    find_in_hunk(finder, patch, &hunk, &mut found);
    found.sort_by_key(|found| (found.place.start, found.place.end));
    found
}

fn find_in_hunk(finder: &dyn SecretFinder, patch: &str, hunk: &[Line], found: &mut Vec<PatchMatch>) {
    find_on(Side::New, finder, patch, hunk, found);
    if hunk.iter().any(|line| line.sign == Sign::Minus) {
        find_on(Side::Old, finder, patch, hunk, found);
    }
}

fn find_on(side: Side, finder: &dyn SecretFinder, patch: &str, hunk: &[Line], found: &mut Vec<PatchMatch>) {
    let (mut text, mut lines) = (String::new(), Vec::with_capacity(hunk.len()));
    for line in hunk.iter().filter(|line| line.is_on(side)) {
        lines.push((text.len(), line));
        text.push_str(&patch[line.content.clone()]);
    }
    for secret in finder.find(&text) {
        // The line that a byte stands on, and where in the patch.
        let line_of = |byte: usize| lines.partition_point(|(start, _)| *start <= byte).saturating_sub(1);
        let last_byte = secret.place.end.saturating_sub(1);
        let (first, last) = (line_of(secret.place.start), line_of(last_byte));
        let Some(touched) = lines.get(first..=last) else { continue };
        let kind = kind(side, touched.iter().map(|(_, line)| line.sign));
        // The same stands on the new side.
        if side == Side::Old && kind != Some(DiffKind::Deletion) {
            continue;
        }
        let in_patch = |(start, line): &(usize, &Line), byte: usize| line.content.start + (byte - start);
        let (Some(first), Some(last)) = (touched.first(), touched.last()) else { continue };
        found.push(PatchMatch {
            detector: secret.detector,
            severity: secret.severity,
            place: in_patch(first, secret.place.start)..in_patch(last, last_byte) + 1,
            kind,
            value: text[secret.place].to_owned(),
        });
    }
}

/// What becomes of something that stands on such lines.
fn kind(side: Side, mut signs: impl Iterator<Item = Sign> + Clone) -> Option<DiffKind> {
    let changed = match side {
        Side::New => (Sign::Plus, DiffKind::Addition),
        Side::Old => (Sign::Minus, DiffKind::Deletion),
    };
    if signs.clone().any(|sign| sign == changed.0) {
        Some(changed.1)
    } else if signs.any(|sign| sign == Sign::Foreign) {
        None
    } else {
        Some(DiffKind::Context)
    }
}

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// As it was.
    Old,
    /// As it is now.
    New,
}

/// What the first character of a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
    Space,
    /// A hunk begins.
    Header,
    /// "No newline at end of file", which is in no file.
    Remark,
    /// No line of a patch begins so.
    Foreign,
}

/// A line of a patch.
#[derive(Debug, Clone)]
struct Line {
    sign: Sign,
    /// What the file holds of it, with the end of the line; in bytes of the patch.
    content: Range<usize>,
}

impl Line {
    /// The line `text`, which begins at byte `start` of the patch.
    fn of(text: &str, start: usize) -> Self {
        let end = start + text.len();
        let (sign, skipped) = match text.as_bytes().first() {
            Some(b'+') => (Sign::Plus, 1),
            Some(b'-') => (Sign::Minus, 1),
            Some(b' ') => (Sign::Space, 1),
            // Editors take the space off lines that are empty otherwise.
            Some(b'\n' | b'\r') | None => (Sign::Space, 0),
            Some(b'\\') => (Sign::Remark, text.len()),
            Some(_) => match hunk_header(text) {
                Some(length) => (Sign::Header, length),
                None => (Sign::Foreign, 0),
            },
        };
        Self { sign, content: start + skipped..end }
    }

    fn is_on(&self, side: Side) -> bool {
        match self.sign {
            Sign::Plus => side == Side::New,
            Sign::Minus => side == Side::Old,
            Sign::Space | Sign::Header | Sign::Foreign => true,
            Sign::Remark => false,
        }
    }
}

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

/// The length of `@@ -a,b +c,d @@` at the beginning of a line, if there is one.
fn hunk_header(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("@@ -")?;
    let rest = lines_of_hunk(rest)?.strip_prefix(" +")?;
    let rest = lines_of_hunk(rest)?.strip_prefix(" @@")?;
    Some(line.len() - rest.len())
}

/// What stands behind `a` or `a,b`.
fn lines_of_hunk(text: &str) -> Option<&str> {
    let rest = number(text)?;
    rest.strip_prefix(',').map_or(Some(rest), number)
}

fn number(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Words;
    use super::{DiffKind, find_in_patch, is_patch};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    type Found<'a> = (&'a str, Option<DiffKind>, String);

    fn found(patch: &str) -> Vec<Found<'_>> {
        let found = find_in_patch(&Words, patch).into_iter();
        found.map(|found| (&patch[found.place], found.kind, found.value)).collect()
    }

    fn one<'a>(text: &'a str, kind: DiffKind) -> Found<'a> {
        (text, Some(kind), text.to_owned())
    }

    #[test]
    fn a_patch_begins_with_a_hunk_header() {
        for patch in ["@@ -1 +1 @@", "@@ -1,2 +3,4 @@ fn main\n x", "@@ -0,0 +1 @@\r\n+x"] {
            assert!(is_patch(patch), "{patch}");
        }
        for text in [
            "",
            "@@",
            " @@ -1 +1 @@",
            "@@ -1 +1",
            "@@ - + @@",
            "@@ -1, +1 @@",
            "@@@ -1 -1 +1 @@@",
            "x\n@@ -1 +1 @@",
        ] {
            assert!(!is_patch(text), "{text}");
        }
    }

    #[test]
    fn the_first_character_of_its_line_says_what_becomes_of_a_secret() {
        let patch = "@@ -1,3 +1,3 @@ KEY<head>\n KEY<stays>\n-KEY<goes>\n+KEY<comes>\n\\ KEY<remark>\n";
        assert_eq!(
            found(patch),
            [
                one("KEY<head>", DiffKind::Context),
                one("KEY<stays>", DiffKind::Context),
                one("KEY<goes>", DiffKind::Deletion),
                one("KEY<comes>", DiffKind::Addition),
            ]
        );
    }

    #[test]
    fn lines_of_a_secret_keep_their_first_characters_and_its_value_does_not() {
        let patch = "@@ -0,0 +1,3 @@\n+KEY<a\r\n+b\r\n+c>\r\n";
        let value = "KEY<a\r\nb\r\nc>".to_owned();
        assert_eq!(found(patch), [("KEY<a\r\n+b\r\n+c>", Some(DiffKind::Addition), value)]);
    }

    #[test]
    fn a_key_that_is_exchanged_between_its_marks_goes_and_comes() {
        let patch = "@@ -1,4 +1,4 @@\n KEY<\n-old\n+new\n >\n";
        let whole = "KEY<\n-old\n+new\n >";
        assert_eq!(
            found(patch),
            [
                (whole, Some(DiffKind::Addition), "KEY<\nnew\n>".to_owned()),
                (whole, Some(DiffKind::Deletion), "KEY<\nold\n>".to_owned()),
            ]
        );
    }

    #[test]
    fn nothing_reaches_from_one_hunk_into_the_next() {
        assert_eq!(found("@@ -1 +1 @@\n+KEY<a\n@@ -9 +9 @@\n+b>\n"), []);
    }

    #[test]
    fn a_line_that_no_patch_has_is_searched_and_nothing_is_said_about_it() {
        let patch = "@@ -1 +1 @@\nKEY<bare>\n\n+KEY<ö🔑>";
        let bare = ("KEY<bare>", None, "KEY<bare>".to_owned());
        assert_eq!(found(patch), [bare, one("KEY<ö🔑>", DiffKind::Addition)]);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_stands_there(
            lines in proptest::collection::vec("[-+ \\\\@ x]?(KEY<|>|ä|🔑|@@ -1 \\+1 @@){0,4}(\n|\r\n)", 0..12),
        ) {
            let patch = format!("@@ -1 +1 @@\n{}", lines.concat());
            for found in find_in_patch(&Words, &patch) {
                let there = &patch[found.place.clone()];
                let mut lines = there.split_inclusive('\n');
                prop_assert!(lines.next().is_some_and(|first| found.value.starts_with(first)));
                prop_assert!(there.ends_with('>') && there.len() >= found.value.len());
                if there.lines().count() == 1 {
                    prop_assert_eq!(there, found.value);
                }
            }
        }
    }
}
