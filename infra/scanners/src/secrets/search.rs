//! Finds the places in a text where detectors match.
//!
//! One automaton looks for all keywords at once; only detectors whose keyword is there are asked, and only
//! about the lines around it. So a text is read once, and no expression runs over more of it than it must.

use super::detectors::{Detector, Reach, all};
use super::entropy::shannon;
use super::placeholder::Placeholders;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes before and after a keyword that are looked at on a long line.
const BEFORE: usize = 256;
const AFTER: usize = 4 * 1024;
/// Bytes after a keyword that a block may take; an RSA key of 16,384 bits takes 12.5 KiB as PEM.
const BLOCK: usize = 16 * 1024;

/// A place where a detector matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where the secret is, in bytes.
    pub place: Range<usize>,
    pub detector: &'static Detector,
}

impl PartialEq for Detector {
    fn eq(&self, other: &Self) -> bool {
        self.facts.id == other.facts.id
    }
}

impl Eq for Detector {}

/// Everything that is compiled once.
pub(super) struct Search {
    keywords: AhoCorasick,
    /// Which detectors a keyword belongs to, and how they write it.
    owners: Vec<Vec<(usize, &'static str)>>,
    compiled: Vec<Compiled>,
    placeholders: Placeholders,
}

struct Compiled {
    detector: &'static Detector,
    expression: Regex,
    secret: usize,
    body: Option<usize>,
}

/// A list of detectors that cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub(super) enum DetectorFault {
    #[error("the keywords cannot be compiled")]
    Keywords(#[from] aho_corasick::BuildError),
    #[error("the expression of {0} cannot be compiled")]
    Expression(&'static str, #[source] regex::Error),
    #[error("the expression of {0} has no group named secret")]
    NoSecret(&'static str),
}

/// What one search leaves behind for the next, so that nothing is allocated again.
#[derive(Default)]
pub(super) struct Scratch {
    windows: Vec<Vec<Range<usize>>>,
    locations: Vec<Option<CaptureLocations>>,
    accepted: BTreeMap<usize, (usize, &'static Detector)>,
}

impl Search {
    /// Compiles the detectors.
    pub(super) fn try_new() -> Result<Self, DetectorFault> {
        let compiled = all().map(Compiled::try_new).collect::<Result<Vec<_>, _>>()?;
        let mut by_keyword: BTreeMap<String, Vec<(usize, &'static str)>> = BTreeMap::new();
        for (at, compiled) in compiled.iter().enumerate() {
            for keyword in compiled.detector.keywords {
                by_keyword.entry(keyword.to_ascii_lowercase()).or_default().push((at, *keyword));
            }
        }
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(by_keyword.keys())?;
        let owners = by_keyword.into_values().collect();
        Ok(Self { keywords, owners, compiled, placeholders: Placeholders::new()? })
    }

    /// The secrets in `text`, sorted by place, not overlapping.
    pub(super) fn find(&self, text: &[u8], scratch: &mut Scratch) -> Vec<Found> {
        scratch.windows.resize(self.compiled.len(), Vec::new());
        scratch.locations.resize(self.compiled.len(), None);
        scratch.accepted.clear();
        if !self.find_windows(text, &mut scratch.windows) {
            return Vec::new();
        }
        for (at, compiled) in self.compiled.iter().enumerate() {
            for window in scratch.windows[at].drain(..) {
                let locations =
                    scratch.locations[at].get_or_insert_with(|| compiled.expression.capture_locations());
                self.find_in(compiled, text, window, locations, &mut scratch.accepted);
            }
        }
        let accepted = scratch.accepted.iter();
        accepted.map(|(start, (end, detector))| Found { place: *start..*end, detector }).collect()
    }

    /// Collects for each detector the parts of `text` to look at, sorted and merged; answers whether there
    /// are any.
    fn find_windows(&self, text: &[u8], windows: &mut [Vec<Range<usize>>]) -> bool {
        let mut any = false;
        let mut line = 0..0;
        for hit in self.keywords.find_overlapping_iter(text) {
            let found = &text[hit.start()..hit.end()];
            let opens_word = !text[..hit.start()].last().is_some_and(is_word);
            for (owner, keyword) in &self.owners[hit.pattern().as_usize()] {
                let reach = self.compiled[*owner].detector.reach;
                if reach == Reach::Start && !(opens_word && found == keyword.as_bytes()) {
                    continue;
                }
                any = true;
                // Hits come ordered by their end, so most of them are on the line of the one before.
                if hit.start() < line.start || hit.end() > line.end {
                    line = line_around(text, hit.start(), hit.end());
                }
                let start = match reach {
                    Reach::Start => hit.start(),
                    Reach::Line | Reach::Block => line.start.max(hit.start().saturating_sub(BEFORE)),
                };
                let end = match reach {
                    Reach::Start | Reach::Line => line.end.min(hit.end() + AFTER),
                    Reach::Block => text.len().min(hit.end() + BLOCK),
                };
                match windows[*owner].last_mut() {
                    Some(last) if start <= last.end => {
                        last.start = last.start.min(start);
                        last.end = last.end.max(end);
                    }
                    _ => windows[*owner].push(start..end),
                }
            }
        }
        any
    }

    fn find_in(
        &self,
        compiled: &Compiled,
        whole: &[u8],
        window: Range<usize>,
        locations: &mut CaptureLocations,
        accepted: &mut BTreeMap<usize, (usize, &'static Detector)>,
    ) {
        let text = &whole[..window.end];
        let mut at = window.start;
        while at <= text.len() && compiled.expression.captures_read_at(locations, text, at).is_some() {
            let Some((start, end)) = locations.get(compiled.secret) else { return };
            // What comes behind a secret may be the start of the next one.
            at = end.max(at + 1);
            let end = character_boundary(whole, start, end);
            let body = compiled.body.and_then(|body| locations.get(body)).unwrap_or((start, end));
            let is_free = accepted.range(..end).next_back().is_none_or(|(_, (taken, _))| *taken <= start);
            if is_free && self.is_secret(compiled.detector, &text[start..end], &text[body.0..body.1]) {
                accepted.insert(start, (end, compiled.detector));
            }
        }
    }

    fn is_secret(&self, detector: &Detector, secret: &[u8], body: &[u8]) -> bool {
        let is_random = || shannon(body) >= detector.min_entropy;
        (detector.check)(secret)
            && (detector.reach == Reach::Block || (is_random() && !self.placeholders.is_placeholder(body)))
    }
}

impl Compiled {
    fn try_new(detector: &'static Detector) -> Result<Self, DetectorFault> {
        let expression = RegexBuilder::new(detector.pattern)
            .unicode(false)
            .build()
            .map_err(|error| DetectorFault::Expression(detector.facts.id, error))?;
        let group = |name: &str| expression.capture_names().position(|group| group == Some(name));
        let secret = group("secret").ok_or(DetectorFault::NoSecret(detector.facts.id))?;
        Ok(Self { detector, secret, body: group("body"), expression })
    }
}

/// As `\b` of an expression sees it.
fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

/// The line that `start..end` is on, as far as anybody looks.
fn line_around(text: &[u8], start: usize, end: usize) -> Range<usize> {
    let first = start.saturating_sub(BEFORE);
    let last = text.len().min(end + AFTER);
    let line_start =
        text[first..start].iter().rposition(|byte| *byte == b'\n').map_or(first, |at| first + at + 1);
    let line_end = text[end..last].iter().position(|byte| *byte == b'\n').map_or(last, |at| end + at);
    line_start..line_end
}

/// The place at or before `end` where no character of UTF-8 is cut. Expressions work on bytes, so one that
/// stops after a number of them may stop within a character.
fn character_boundary(text: &[u8], start: usize, end: usize) -> usize {
    let is_within = |at: usize| text.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (start.max(end.saturating_sub(3))..=end).rev().find(|at| !is_within(*at)).unwrap_or(end)
}
