//! Where something stands in a text, as people and clients of GitGuardian count (reference §5).

use std::ops::Range;

/// Where something stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first character, in Unicode code points from 0.
    pub index_start: usize,
    /// Its last character, which belongs to it.
    pub index_end: usize,
    /// The line of its first character, from 1. Only a line feed ends a line.
    pub line_start: usize,
    /// The line of its last character.
    pub line_end: usize,
}

/// Where places stand, each a range of bytes that is not empty, in their order. One pass over the text, however many
/// places there are; they may overlap.
pub fn spans(text: &str, places: &[Range<usize>]) -> Vec<Span> {
    let mut ends: Vec<usize> =
        places.iter().flat_map(|place| [place.start, last(place), place.end]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut counts = Vec::with_capacity(ends.len());
    let mut count = Count::default();
    for end in ends {
        count.go_on(text.as_bytes(), end);
        counts.push(count);
    }
    let count_at = |at: usize| {
        let found = counts.partition_point(|count| count.bytes < at.min(text.len()));
        counts.get(found).copied().unwrap_or(count)
    };
    let span = |place: &Range<usize>| Span {
        index_start: count_at(place.start).characters,
        index_end: count_at(place.end).characters.saturating_sub(1),
        line_start: count_at(place.start).line_feeds + 1,
        line_end: count_at(last(place)).line_feeds + 1,
    };
    places.iter().map(span).collect()
}

/// The last byte of a place.
fn last(place: &Range<usize>) -> usize {
    place.end.saturating_sub(1).max(place.start)
}

/// What stands before a byte.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    bytes: usize,
    characters: usize,
    line_feeds: usize,
}

impl Count {
    fn go_on(&mut self, text: &[u8], to: usize) {
        let passed = text.get(self.bytes..to.min(text.len())).unwrap_or_default();
        self.bytes += passed.len();
        // Of the bytes of a character only the first is none of these.
        self.characters += passed.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        self.line_feeds += passed.iter().filter(|byte| **byte == b'\n').count();
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, spans};
    use proptest::prelude::{prop_assert_eq, proptest};

    fn span(text: &str, part: &str) -> Span {
        let start = text.find(part).unwrap();
        spans(text, std::slice::from_ref(&(start..start + part.len())))[0]
    }

    #[test]
    fn characters_are_code_points_and_the_last_one_belongs_to_it() {
        let expected = Span { index_start: 0, index_end: 2, line_start: 1, line_end: 1 };
        assert_eq!(span("abc", "abc"), expected);
        // An emoji is one, whatever UTF-16 makes of it; a letter with a combining mark is two.
        let expected = Span { index_start: 4, index_end: 6, line_start: 1, line_end: 1 };
        assert_eq!(span("🔑e\u{301}=key", "key"), expected);
        let expected = Span { index_start: 1, index_end: 1, line_start: 1, line_end: 1 };
        assert_eq!(span("a🔑b", "🔑"), expected);
    }

    #[test]
    fn lines_end_with_line_feeds() {
        let expected = Span { index_start: 3, index_end: 7, line_start: 2, line_end: 3 };
        assert_eq!(span("a\r\nb\r\ncd", "b\r\ncd"), expected);
        let expected = Span { index_start: 2, index_end: 3, line_start: 1, line_end: 1 };
        assert_eq!(span("a\u{2028}b\nc", "b\n"), expected);
        assert_eq!(span("\n\nkey\n", "key").line_start, 3);
    }

    #[test]
    fn places_may_overlap_and_come_in_any_order() {
        let all = spans("äöü", &[2..6, 0..2, 0..6]);
        let indices: Vec<_> = all.iter().map(|span| (span.index_start, span.index_end)).collect();
        assert_eq!(indices, [(1, 2), (0, 0), (0, 2)]);
    }

    proptest! {
        #[test]
        fn what_stands_there_is_what_was_meant(
            text in "(\\PC|\r\n|\n|🔑|e\u{301}|\u{1a}|\u{2028}){1,60}", cuts in proptest::collection::vec((0_usize..60, 1_usize..20), 0..5),
        ) {
            let characters: Vec<(usize, char)> = text.char_indices().collect();
            let byte = |index: usize| characters.get(index).map_or(text.len(), |(at, _)| *at);
            let cuts: Vec<_> = cuts.into_iter().map(|(start, length)| {
                let start = start % characters.len();
                (start, (start + length).min(characters.len()))
            }).collect();
            let places: Vec<_> = cuts.iter().map(|(start, end)| byte(*start)..byte(*end)).collect();
            for (span, place) in spans(&text, &places).into_iter().zip(places) {
                let there: String = characters[span.index_start..=span.index_end].iter().map(|(_, one)| *one).collect();
                prop_assert_eq!(&there, &text[place.clone()]);
                prop_assert_eq!(span.line_start, 1 + text[..place.start].matches('\n').count());
                let body = there.strip_suffix('\n').unwrap_or(&there);
                prop_assert_eq!(span.line_end - span.line_start, body.matches('\n').count());
            }
        }

        #[test]
        fn no_place_makes_it_panic(text in "\\PC{0,9}", start in 0_usize..40, length in 0_usize..40) {
            let _ = spans(&text, std::slice::from_ref(&(start..start + length)));
        }
    }
}
