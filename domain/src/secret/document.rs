//! A document that somebody sends to have it searched: a file, or a patch of one.

use super::patch::{DiffKind, PatchMatch, find_in_patch, is_patch};
use super::place::{Span, spans};
use super::{DetectorFacts, SecretFinder, SecretMatch};
use crate::severity::Severity;
use std::ops::Range;

/// What a document holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// Whether it is a patch.
    pub is_patch: bool,
    /// Its secrets, by place.
    pub secrets: Vec<FoundSecret>,
}

/// A secret in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSecret {
    /// What kind.
    pub detector: &'static DetectorFacts,
    /// How bad.
    pub severity: Severity,
    /// Where, in bytes of the document.
    pub place: Range<usize>,
    /// Where, as clients count.
    pub span: Span,
    /// What a patch does with it.
    pub diff: Option<DiffKind>,
    /// The secret as it stands in the file, which in a patch of several lines is not what stands in the document.
    pub value: String,
}

/// Searches a document. Linear in its length, as far as the finder is.
pub fn search(finder: &dyn SecretFinder, document: &str) -> Searched {
    let is_patch = is_patch(document);
    let found = if is_patch { find_in_patch(finder, document) } else { find_in_file(finder, document) };
    let places: Vec<Range<usize>> = found.iter().map(|found| found.place.clone()).collect();
    let secrets = found.into_iter().zip(spans(document, &places));
    let secrets = secrets.map(|(found, span)| {
        let PatchMatch { detector, severity, place, kind, value } = found;
        FoundSecret { detector, severity, place, span, diff: kind, value }
    });
    Searched { is_patch, secrets: secrets.collect() }
}

fn find_in_file(finder: &dyn SecretFinder, text: &str) -> Vec<PatchMatch> {
    let found = finder.find(text).into_iter().map(|SecretMatch { detector, severity, place }| {
        let value = text[place.clone()].to_owned();
        PatchMatch { detector, severity, place, kind: None, value }
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Words;
    use super::{DiffKind, search};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn a_file_is_searched_as_it_is() {
        let searched = search(&Words, "a🔑\nx = KEY<1>\n+KEY<2>");
        assert!(!searched.is_patch);
        let found =
            searched.secrets.iter().map(|found| (found.span.index_start, found.span.line_end, found.diff));
        assert_eq!(found.collect::<Vec<_>>(), [(7, 2, None), (15, 3, None)]);
    }

    #[test]
    fn a_patch_says_what_becomes_of_its_secrets() {
        let searched = search(&Words, "@@ -1 +1 @@\n-ä KEY<1>\n+KEY<2\n+>");
        assert!(searched.is_patch);
        let found = searched.secrets.iter();
        let found: Vec<_> =
            found.map(|found| (found.span.line_start, found.span.line_end, found.diff)).collect();
        assert_eq!(found, [(2, 2, Some(DiffKind::Deletion)), (3, 4, Some(DiffKind::Addition))]);
    }

    proptest! {
        #[test]
        fn spans_lead_to_the_secret(
            lines in proptest::collection::vec("[-+ ]?(KEY<|>|ä|🔑|e\u{301}|\u{1a}|x){0,6}(\n|\r\n)", 0..12), is_patch: bool,
        ) {
            let header = if is_patch { "@@ -1,9 +1,9 @@ f\n" } else { "" };
            let document = format!("{header}{}", lines.concat());
            let characters: Vec<char> = document.chars().collect();
            let searched = search(&Words, &document);
            prop_assert_eq!(searched.is_patch, is_patch);
            for found in &searched.secrets {
                let there: String = characters[found.span.index_start..=found.span.index_end].iter().collect();
                prop_assert_eq!(&there, &document[found.place.clone()]);
                prop_assert!(is_patch || found.diff.is_none());
                prop_assert_eq!(found.span.line_end - found.span.line_start + 1, there.lines().count());
            }
            prop_assert!(searched.secrets.is_sorted_by_key(|found| found.place.start));
        }
    }
}
