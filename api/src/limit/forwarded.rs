//! The headers in which proxies say for whom they ask, read from the right.

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses of `X-Forwarded-For`, the nearest first; none in place of what is no address. None if there is no
/// such header.
pub(super) fn x_forwarded_for(headers: &HeaderMap) -> Option<impl Iterator<Item = Option<IpAddr>>> {
    let lines = lines(headers, &X_FORWARDED_FOR)?;
    Some(lines.into_iter().rev().flat_map(|line| match line.to_str() {
        Ok(line) => line.rsplit(',').map(node).collect(),
        Err(_) => vec![None],
    }))
}

/// Addresses behind `for` in `Forwarded`, the nearest first; none in place of what is no address, and of a whole
/// line that does not follow RFC 7239 §4. None if there is no such header.
pub(super) fn forwarded(headers: &HeaderMap) -> Option<impl Iterator<Item = Option<IpAddr>>> {
    let lines = lines(headers, &FORWARDED)?;
    Some(lines.into_iter().rev().flat_map(|line| {
        let hops = line.to_str().ok().and_then(elements);
        hops.map_or_else(|| vec![None], |hops| hops.into_iter().rev().map(|hop| node(&hop?)).collect())
    }))
}

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Vec<&'a HeaderValue>> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    (!lines.is_empty()).then_some(lines)
}

/// An address with or without a port; IPv6 may stand in brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6)
}

/// What each element says about `for`; none if the line as a whole is malformed.
fn elements(line: &str) -> Option<Vec<Option<String>>> {
    let mut rest = line.trim();
    let mut elements = Vec::new();
    loop {
        let mut hop = None;
        loop {
            let (name, value, after) = pair(rest)?;
            if name.eq_ignore_ascii_case("for") {
                // §4: each parameter at most once in an element.
                if hop.is_some() {
                    return None;
                }
                hop = Some(value);
            }
            rest = after.trim_start();
            match rest.strip_prefix(';') {
                Some(after) => rest = after.trim_start(),
                None => break,
            }
        }
        elements.push(hop);
        if rest.is_empty() {
            return Some(elements);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// `name=value` at the beginning of `text`, and what follows. A value may be quoted; colons and brackets, which
/// only quotes allow, are let pass without, because many proxies write them so.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, rest) = unquote(quoted)?;
        return Some((name, value, rest));
    }
    let end = rest.bytes().position(|byte| !is_token(byte) && !b":[]".contains(&byte)).unwrap_or(rest.len());
    (end > 0).then(|| (name, rest[..end].to_owned(), &rest[end..]))
}

/// A quoted string without its first quote (RFC 9110 §5.6.4), and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{elements, node};

    #[test]
    fn examples_of_the_standard_are_read() {
        // RFC 7239 §4 and §6.
        let hops =
            |line| elements(line).unwrap().into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
        assert_eq!(hops("for=\"_gazonk\""), ["_gazonk"]);
        assert_eq!(hops("For=\"[2001:db8:cafe::17]:4711\""), ["[2001:db8:cafe::17]:4711"]);
        assert_eq!(hops("for=192.0.2.60;proto=http;by=203.0.113.43"), ["192.0.2.60"]);
        assert_eq!(hops("for=192.0.2.43, for=198.51.100.17"), ["192.0.2.43", "198.51.100.17"]);
        assert_eq!(hops("by=203.0.113.43"), [""]);
        assert_eq!(hops("for=\"a\\\"b\""), ["a\"b"]);
    }

    #[test]
    fn a_line_that_is_malformed_anywhere_says_nothing() {
        for bad in
            ["", "for", "for=", "=1", "for=1,", "for=1;", "for=\"1", "for=1;for=2", "for=\"1\"2", "f r=1"]
        {
            assert_eq!(elements(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for bad in
            ["", "unknown", "_x", "1.2.3", "1.2.3.4.5", "[1.2.3.4]", "[::1", "example.org", "1.2.3.4:99999"]
        {
            assert_eq!(node(bad), None, "{bad}");
        }
        assert_eq!(node(" [::1] "), Some("::1".parse().unwrap()));
    }
}
