//! Shows where a secret is without showing it.

use crate::text::cut;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use scanledger_domain::limits::EXCERPT_BYTES;
pub(super) use scanledger_domain::secret::mask;
use std::ops::Range;

/// What stands for the part that is not shown.
const STARS: &str = "****";
/// Bytes of a line that are shown before a secret and after its start.
const BEFORE: usize = 120;
const AFTER: usize = 260;

/// What has to be masked in one file: the places that matched, and the same values wherever else they stand.
pub(super) struct Masker<'a> {
    text: &'a [u8],
    /// Sorted, not overlapping.
    places: &'a [Range<usize>],
    values: Option<AhoCorasick>,
}

impl<'a> Masker<'a> {
    pub(super) fn new(text: &'a [u8], places: &'a [Range<usize>]) -> Self {
        let values = places.iter().map(|place| &text[place.clone()]);
        // The searcher is used for a few lines only, so the kind that is built fastest is the best one. Values
        // cannot be too many for it; if they were, the places would still be masked.
        let values = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .prefilter(false)
            .build(values)
            .ok();
        Self { text, places, values }
    }

    /// The line in which the secret at `place` starts, with every secret in it masked. Of a block only the
    /// line that opens it is shown, of a long line only what is near the secret.
    pub(super) fn excerpt(&self, place: &Range<usize>) -> String {
        let near = place.start.saturating_sub(BEFORE)..(place.start + AFTER).min(self.text.len());
        let line_start = self.text[near.start..place.start].iter().rposition(|byte| *byte == b'\n');
        let line_end = self.text[place.start..near.end].iter().position(|byte| *byte == b'\n');
        let start = line_start.map_or(near.start, |at| near.start + at + 1);
        let end = line_end.map_or(near.end, |at| place.start + at);
        let mut excerpt = String::new();
        let mut done = start;
        for secret in self.secrets_in(start..end) {
            if secret.start > done {
                push_text(&mut excerpt, &self.text[done..secret.start]);
            }
            excerpt.push_str(&self.mask_at(&secret, start));
            done = secret.end.max(done);
        }
        if done < end {
            push_text(&mut excerpt, &self.text[done..end]);
        }
        cut(excerpt.trim(), EXCERPT_BYTES)
    }

    /// The secrets that touch `region`, sorted, with those merged that overlap.
    fn secrets_in(&self, region: Range<usize>) -> Vec<Range<usize>> {
        let first = self.places.partition_point(|place| place.end <= region.start);
        let mut found: Vec<Range<usize>> =
            self.places[first..].iter().take_while(|place| place.start < region.end).cloned().collect();
        if let Some(values) = &self.values {
            // A value can begin before the region or end behind it, so the search is a little wider.
            let wider = region.start.saturating_sub(AFTER)..(region.end + AFTER).min(self.text.len());
            let matches = values.find_iter(&self.text[wider.clone()]);
            let matches = matches.map(|found| wider.start + found.start()..wider.start + found.end());
            found.extend(matches.filter(|found| found.start < region.end && found.end > region.start));
        }
        found.sort_by_key(|secret| (secret.start, secret.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for secret in found {
            match merged.last_mut() {
                Some(last) if secret.start < last.end => last.end = last.end.max(secret.end),
                _ => merged.push(secret),
            }
        }
        merged
    }

    fn mask_at(&self, secret: &Range<usize>, region_start: usize) -> String {
        let value = &self.text[secret.clone()];
        match opening_line(value) {
            // The marker that opens a key says what it is and nothing about the key.
            Some(marker) if secret.start >= region_start => String::from_utf8_lossy(marker).into_owned(),
            Some(_) => STARS.to_owned(),
            None => mask(value),
        }
    }
}

/// `-----BEGIN … PRIVATE KEY-----`, if that is how the secret starts.
fn opening_line(value: &[u8]) -> Option<&[u8]> {
    let rest = value.strip_prefix(b"-----BEGIN ")?;
    let end = rest.windows(5).position(|five| five == b"-----")?;
    Some(&value[..11 + end + 5])
}

/// Appends text as it is, but for what is not Unicode and for control characters.
fn push_text(excerpt: &mut String, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    excerpt.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
}

#[cfg(test)]
mod tests {
    use super::{Masker, mask};
    use proptest::prelude::{any, proptest};
    use scanledger_domain::limits::EXCERPT_BYTES;
    use std::slice;

    #[test]
    fn every_secret_of_a_line_is_masked_wherever_it_stands() {
        let text = b"first\na = SECRETNUMONE; b = SECRETNUMTWO # SECRETNUMONE again\nlast";
        let places = [10..22, 28..40];
        let excerpt = Masker::new(text, &places).excerpt(&places[1]);
        assert_eq!(excerpt, "a = SE****NE; b = SE****WO # SE****NE again");
    }

    #[test]
    fn of_a_key_only_the_opening_line_is_shown() {
        let text = b"key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIE\n  -----END RSA PRIVATE KEY-----\n";
        let place = 9..text.len() - 1;
        assert_eq!(
            Masker::new(text, slice::from_ref(&place)).excerpt(&place),
            "-----BEGIN RSA PRIVATE KEY-----"
        );
    }

    #[test]
    fn of_a_long_line_the_part_around_the_secret_is_shown() {
        let text = format!("{}SECRETNUMONE{}", "a".repeat(5_000), "ä".repeat(5_000));
        let place = 5_000..5_012;
        let excerpt = Masker::new(text.as_bytes(), slice::from_ref(&place)).excerpt(&place);
        assert!(excerpt.len() <= EXCERPT_BYTES, "{}", excerpt.len());
        assert!(excerpt.contains("aaaaSE****NEää"));
    }

    proptest! {
        #[test]
        fn a_mask_never_contains_the_secret(secret in any::<Vec<u8>>()) {
            let text = String::from_utf8_lossy(&secret);
            if text.chars().count() > 8 {
                assert!(!mask(&secret).contains(text.as_ref()));
            }
        }

        #[test]
        fn a_mask_of_stars_never_contains_the_secret(secret in "[a*]{9,24}") {
            assert!(!mask(secret.as_bytes()).contains(&secret));
        }

        #[test]
        fn an_excerpt_fits_and_never_contains_the_secret(
            before in "[a-z\\n ä]{0,200}", secret in "[A-Z0-9]{9,40}", after in "[a-z\\n ä]{0,600}",
        ) {
            let text = format!("{before}{secret}{after}{secret}");
            let place = before.len()..before.len() + secret.len();
            let excerpt = Masker::new(text.as_bytes(), slice::from_ref(&place)).excerpt(&place);
            assert!(excerpt.len() <= EXCERPT_BYTES);
            assert!(!excerpt.contains(&secret));
        }
    }
}
