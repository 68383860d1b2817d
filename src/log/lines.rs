//! Recorded events from lines of text: one reader, whatever the form in which a line shows its event.

use anyhow::{Context, Result, bail};
use scanledger_domain::event::Event;
use scanledger_domain::log::{Metadata, Recorded};
use std::io::{BufRead, Read};

/// Events that are imported in one transaction.
const IMPORT_EVENTS: usize = 5_000;
/// Bytes of data and metadata after which a transaction takes no further event.
const IMPORT_BYTES: usize = 8 * 1024 * 1024;

/// How events stand in lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Bytes of a line, without its end.
    pub(crate) line_bytes: usize,
    /// How the last line ends.
    pub(crate) last: LastLine,
    /// The event of a line, which comes without its end.
    pub(crate) event: fn(&[u8]) -> Result<Recorded>,
}

/// How the last line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastLine {
    /// With a line feed, or something is missing.
    Ended,
    /// With a line feed or the file.
    MayBeOpen,
}

/// The events of a log, one a line, each of a kind that this version knows. A line that never ends does not fill the
/// memory.
pub(crate) struct Lines<R> {
    form: Form,
    reader: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines of this form.
    pub(crate) const fn new(form: Form, reader: R) -> Self {
        Self { form, reader, line: Vec::new(), number: 0 }
    }

    /// Which line was read last, from 1; 0 before the first.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// The next events that go into one transaction, from consecutive lines; none after the last.
    ///
    /// # Errors
    /// When one of their lines cannot be read.
    pub(crate) fn batch(&mut self) -> Result<Vec<Recorded>> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < IMPORT_EVENTS && bytes < IMPORT_BYTES {
            let Some(event) = self.next().transpose()? else { break };
            bytes += event.data.len() + event.metadata.len();
            events.push(event);
        }
        Ok(events)
    }

    /// Reads a line without its end; answers whether there was one.
    fn read_line(&mut self) -> Result<bool> {
        self.line.clear();
        // One byte more than a line and its end may have tells whether there is more.
        let mut limited = (&mut self.reader).take(self.form.line_bytes as u64 + 2);
        if limited.read_until(b'\n', &mut self.line).context("while reading events")? == 0 {
            return Ok(false);
        }
        self.number += 1;
        let end = self.line.pop_if(|byte| *byte == b'\n');
        if self.line.len() > self.form.line_bytes {
            bail!("line {}: it has more than {} bytes", self.number, self.form.line_bytes);
        }
        if end.is_none() && self.form.last == LastLine::Ended {
            bail!("line {}: it is cut off", self.number);
        }
        Ok(true)
    }

    fn event(&self) -> Result<Recorded> {
        let event = (self.form.event)(&self.line)?;
        Event::of(&event).context("this version does not know such an event")?;
        Metadata::decode(&event.metadata).context("its metadata cannot be read")?;
        Ok(event)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Recorded>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.read_line() {
            Ok(true) => Some(self.event().with_context(|| format!("line {}", self.number))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, IMPORT_BYTES, IMPORT_EVENTS, LastLine, Lines};
    use scanledger_domain::id::EventId;
    use scanledger_domain::log::{Position, Recorded, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    const BYTES: usize = 10;

    /// A line is what the event's data holds beside its user.
    fn event(line: &[u8]) -> anyhow::Result<Recorded> {
        let text = std::str::from_utf8(line)?;
        let data = format!(r#"{{"user":"00000000-0000-0000-0000-000000000002","x":"{text}"}}"#);
        let system = r#"{"actor":{"kind":"system"},"correlation":"00000000-0000-0000-0000-000000000001"}"#;
        Ok(Recorded {
            position: Position(1),
            id: EventId(Uuid::from_u128(1)),
            stream: StreamName::stored("user-2"),
            version: Version(1),
            kind: if text == "eaten" { "user.eaten".into() } else { "user.erased".into() },
            schema: 1,
            data: data.into_bytes(),
            metadata: if text == "nobody" { b"{}".to_vec() } else { system.as_bytes().to_vec() },
            recorded_at: Timestamp(1),
        })
    }

    fn lines(last: LastLine, line_bytes: usize, text: &[u8]) -> Lines<&[u8]> {
        Lines::new(Form { line_bytes, last, event }, text)
    }

    fn refusal(last: LastLine, text: &str) -> String {
        let refused = lines(last, BYTES, text.as_bytes()).find_map(Result::err);
        format!("{:#}", refused.unwrap_or_else(|| panic!("{text:?} is to be refused")))
    }

    #[test]
    fn lines_end_with_a_line_feed_or_the_file() {
        let mut lines = lines(LastLine::MayBeOpen, BYTES, b"one\n\ntwo\r\nthree");
        let mut read = vec![];
        while lines.read_line().unwrap() {
            read.push(String::from_utf8(lines.line.clone()).unwrap());
        }
        assert_eq!(read, ["one", "", "two\r", "three"]);
        assert_eq!(lines.number(), 4);
    }

    #[test]
    fn a_last_line_that_must_have_an_end_is_cut_off_without_one() {
        assert_eq!(lines(LastLine::Ended, BYTES, b"one\ntwo\n").filter_map(Result::ok).count(), 2);
        assert_eq!(refusal(LastLine::Ended, "one\ntwo"), "line 2: it is cut off");
    }

    #[test]
    fn a_line_has_so_many_bytes_and_not_one_more() {
        for end in ["\n", ""] {
            let text = format!("{}{end}", "x".repeat(BYTES));
            assert!(lines(LastLine::MayBeOpen, BYTES, text.as_bytes()).read_line().unwrap());
            for more in [1, 2, 1_000] {
                let text = format!("one\n{}{end}", "x".repeat(BYTES + more));
                for last in [LastLine::MayBeOpen, LastLine::Ended] {
                    assert_eq!(refusal(last, &text), "line 2: it has more than 10 bytes");
                }
            }
        }
    }

    #[test]
    fn what_this_version_cannot_read_is_refused_and_its_line_is_named() {
        let unknown = refusal(LastLine::MayBeOpen, "one\neaten\n");
        assert!(unknown.starts_with("line 2: this version does not know such an event"), "{unknown}");
        let nobody = refusal(LastLine::MayBeOpen, "one\ntwo\nnobody\n");
        assert!(nobody.starts_with("line 3: its metadata cannot be read"), "{nobody}");
    }

    #[test]
    fn a_transaction_takes_so_many_events_or_bytes() {
        let sizes = |text: &str| {
            let mut lines = lines(LastLine::MayBeOpen, IMPORT_BYTES, text.as_bytes());
            let mut sizes = vec![];
            while let Some(count) = Some(lines.batch().unwrap().len()).filter(|count| *count > 0) {
                sizes.push(count);
            }
            sizes
        };
        assert_eq!(sizes(&"x\n".repeat(IMPORT_EVENTS + 1)), [IMPORT_EVENTS, 1]);
        let half = format!("{}\n", "x".repeat(IMPORT_BYTES / 2));
        assert_eq!(sizes(&half.repeat(3)), [2, 1]);
        assert_eq!(sizes(""), [0_usize; 0]);
    }
}
