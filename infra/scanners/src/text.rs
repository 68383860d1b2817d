//! Cutting text to the limits of findings.

/// What stands for the part that was cut off.
const ELLIPSIS: &str = "…";

/// `text` in at most `limit` bytes, cut between characters and marked if something is missing.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(ELLIPSIS.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ELLIPSIS}", &text[..end])
}

/// `text` on one line: runs of white space and control characters become one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{cut, one_line};
    use proptest::prelude::proptest;

    #[test]
    fn text_within_the_limit_stays_as_it_is() {
        assert_eq!(cut("twelve bytes", 12), "twelve bytes");
        assert_eq!(cut("twelve bytes", 11), "twelve b…");
    }

    #[test]
    fn a_line_has_no_breaks() {
        assert_eq!(one_line("  a\r\n\tb  c\u{0}\n"), "a b c");
    }

    proptest! {
        #[test]
        fn cut_text_fits(text in ".{0,60}", limit in 3..60_usize) {
            assert!(cut(&text, limit).len() <= limit);
        }
    }
}
