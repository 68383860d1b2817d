//! Parsing within a time.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

/// Bytes that a lexer gets at a time.
const CHUNK_BYTES: usize = 4096;

/// The tree of `text`, whatever errors are in it; `None` if that takes longer than `time`.
///
/// The parser asks now and then whether to go on, but not while one token is looked for, and a scanner that looks
/// for the end of a comment may read all of the rest for each token. So whoever hands out the text looks at the clock
/// too: when time is up, the text ends.
pub(crate) fn parse(parser: &mut Parser, text: &[u8], time: Duration) -> Option<Tree> {
    let begun = Instant::now();
    let is_late = Cell::new(false);
    let look = || {
        is_late.set(is_late.get() || begun.elapsed() >= time);
        is_late.get()
    };
    let mut chunk_at = |at: usize, _| {
        let rest = if look() { &[] } else { text.get(at..).unwrap_or_default() };
        &rest[..rest.len().min(CHUNK_BYTES)]
    };
    let mut go_on = |_: &ParseState| if look() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let tree = parser.parse_with_options(&mut chunk_at, None, Some(options));
    if tree.is_none() {
        // Else the next parse would go on with this text.
        parser.reset();
    }
    tree.filter(|_| !is_late.get())
}
