//! The log of one scan, for people: JSON lines, kept as an artifact. Holds no code and no secrets.

use scanledger_domain::limits::SCAN_LOG_LINES;
use scanledger_domain::time::Clock;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Collects the lines.
pub(super) struct ScanLog {
    clock: Arc<dyn Clock>,
    bytes: Vec<u8>,
    lines: u64,
    left_out: u64,
}

impl ScanLog {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, bytes: vec![], lines: 0, left_out: 0 }
    }

    pub(super) fn info(&mut self, message: &str, fields: &[(&str, Value)]) {
        self.line("info", message, fields);
    }

    pub(super) fn warn(&mut self, message: &str, fields: &[(&str, Value)]) {
        self.line("warn", message, fields);
    }

    /// The line on which a scan ends: there is one, however many there were before.
    pub(super) fn error(&mut self, message: &str, fields: &[(&str, Value)]) {
        let line = self.format("error", message, fields);
        self.bytes.extend(line);
    }

    fn line(&mut self, level: &str, message: &str, fields: &[(&str, Value)]) {
        if self.lines == SCAN_LOG_LINES {
            self.left_out += 1;
            return;
        }
        self.lines += 1;
        let line = self.format(level, message, fields);
        self.bytes.extend(line);
    }

    fn format(&self, level: &str, message: &str, fields: &[(&str, Value)]) -> Vec<u8> {
        let time = self.clock.now().to_rfc3339_millis();
        let mut line: Map<String, Value> = [("time", time.as_str()), ("level", level), ("message", message)]
            .map(|(name, text)| (name.to_owned(), text.into()))
            .into_iter()
            .collect();
        line.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        format!("{}\n", Value::Object(line)).into_bytes()
    }

    /// All lines until now, and a last one that says how many were left out.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if self.left_out > 0 {
            let lines = self.left_out;
            bytes.extend(self.format("warn", "further lines were left out", &[("lines", lines.into())]));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{SCAN_LOG_LINES, ScanLog};
    use scanledger_domain::time::{Clock, Timestamp};
    use serde_json::{Value, json};
    use std::sync::Arc;

    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp(1_763_726_400_000_000)
        }
    }

    fn lines(log: &ScanLog) -> Vec<Value> {
        let text = String::from_utf8(log.to_bytes()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_a_json_object_with_time_level_message_and_fields() {
        let mut log = ScanLog::new(Arc::new(Noon));
        log.info("the source is unpacked", &[("files", 3.into())]);
        log.warn("a file was\nskipped", &[("path", "a\"b".into())]);
        assert_eq!(
            lines(&log),
            [
                json!({"time": "2025-11-21T12:00:00.000Z", "level": "info", "message": "the source is unpacked", "files": 3}),
                json!({"time": "2025-11-21T12:00:00.000Z", "level": "warn", "message": "a file was\nskipped", "path": "a\"b"}),
            ]
        );
    }

    #[test]
    fn lines_beyond_the_limit_are_counted() {
        let mut log = ScanLog::new(Arc::new(Noon));
        for _ in 0..SCAN_LOG_LINES {
            log.info("x", &[]);
        }
        assert!(!lines(&log).iter().any(|line| line["message"] != "x"));
        let mut log = ScanLog::new(Arc::new(Noon));
        for _ in 0..SCAN_LOG_LINES + 2 {
            log.info("x", &[]);
        }
        log.error("the scan failed", &[]);
        let lines = lines(&log);
        assert_eq!(lines.len() as u64, SCAN_LOG_LINES + 2);
        assert_eq!(lines[lines.len() - 2]["message"], "the scan failed");
        assert_eq!(lines.last().unwrap()["lines"], 2);
    }
}
