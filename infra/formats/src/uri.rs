//! Paths and addresses as the URIs that formats want (RFC 3986).

use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};
use url::Url;

/// A path below the root of the source, as a relative reference (RFC 3986 §4.2).
///
/// A `:` is always encoded, since a first segment with one would read as a scheme; slashes at the start go
/// away, since they would lead out of the root.
#[derive(Clone, Copy)]
pub(crate) struct Relative<'a>(pub &'a str);

impl fmt::Display for Relative<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        encode(self.0.trim_start_matches('/'), f, |byte| {
            byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte)
        })
    }
}

impl Serialize for Relative<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text as one segment of a path: everything but RFC 3986's unreserved characters is encoded.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a>(pub &'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        encode(self.0, f, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    }
}

/// Writes runs of bytes that may stay, and encodes the others.
fn encode(text: &str, out: &mut impl fmt::Write, stays: impl Fn(u8) -> bool) -> fmt::Result {
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.bytes().take_while(|&byte| stays(byte)).count();
        // Bytes that stay are ASCII, so the run ends between two characters.
        let (plain, coded) = rest.split_at(run);
        out.write_str(plain)?;
        let Some(first) = coded.chars().next() else { break };
        let (coded, after) = coded.split_at(first.len_utf8());
        coded.bytes().try_for_each(|byte| write!(out, "%{byte:02X}"))?;
        rest = after;
    }
    Ok(())
}

/// An address on the web, normalised; `None` if it is anything else.
pub(crate) fn web(text: &str) -> Option<String> {
    absolute(text).filter(|uri| uri.starts_with("https://") || uri.starts_with("http://"))
}

/// The address of a repository without user and password; `None` if it is not one that others can reach.
pub(crate) fn repository(text: &str) -> Option<String> {
    if text.contains("://") {
        return absolute(text);
    }
    // What ssh calls `git@host:path`.
    let (host, path) = text.split_once(':')?;
    let (_, host) = host.rsplit_once('@')?;
    absolute(&format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

/// An absolute URI of a scheme that names a host. Users and passwords in it are dropped.
fn absolute(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    let known = matches!(url.scheme(), "https" | "http" | "ssh" | "git" | "svn" | "svn+ssh");
    if !known || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(strict(url.as_str()))
}

/// Encodes what browsers let pass in a URL and RFC 3986 does not.
fn strict(url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let after_host = url[after_scheme..].find(['/', '?', '#']).map_or(url.len(), |at| after_scheme + at);
    let mut strict = String::with_capacity(url.len());
    let mut fragment = false;
    for (at, character) in url.char_indices() {
        let stays = match character {
            '[' | ']' => at < after_host,
            '#' => !std::mem::replace(&mut fragment, true),
            '%' => {
                url.as_bytes().get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
            }
            c => c.is_ascii_alphanumeric() || "-._~:/?@!$&'()*+,;=".contains(c),
        };
        if stays {
            strict.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                write!(strict, "%{byte:02X}").expect("a string takes everything");
            }
        }
    }
    strict
}

#[cfg(test)]
mod tests {
    use super::{Relative, repository, web};

    #[test]
    fn a_path_becomes_a_relative_reference() {
        let cases = [
            ("src/main.rs", "src/main.rs"),
            ("a dir/ü.js", "a%20dir/%C3%BC.js"),
            ("c:/x", "c%3A/x"),
            ("//host/x", "host/x"),
            ("100%/#?[1].ts", "100%25/%23%3F%5B1%5D.ts"),
            ("node_modules/@scope/(group)/x+y.ts", "node_modules/@scope/(group)/x+y.ts"),
            ("back\\slash", "back%5Cslash"),
            ("", ""),
        ];
        for (path, uri) in cases {
            assert_eq!(Relative(path).to_string(), uri);
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        let cases = [
            ("https://example.com/a?b=c#d", Some("https://example.com/a?b=c#d")),
            ("HTTP://EXAMPLE.com", Some("http://example.com/")),
            ("https://example.com/a|b[1]^%zz##", Some("https://example.com/a%7Cb%5B1%5D%5E%25zz#%23")),
            ("https://[::1]:8080/", Some("https://[::1]:8080/")),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("ssh://example.com/x", None),
            ("//example.com/x", None),
            ("see the advisory", None),
            ("", None),
        ];
        for (text, uri) in cases {
            assert_eq!(web(text).as_deref(), uri, "{text}");
        }
    }

    #[test]
    fn the_address_of_a_repository_holds_no_credentials() {
        let cases = [
            ("https://ana:ghp_x@github.com/o/r.git", Some("https://github.com/o/r.git")),
            ("https://ghp_x@github.com/o/r", Some("https://github.com/o/r")),
            ("git@github.com:o/r.git", Some("ssh://github.com/o/r.git")),
            ("ssh://git@github.com:22/o/r", Some("ssh://github.com:22/o/r")),
            ("svn+ssh://ana@example.com/trunk", Some("svn+ssh://example.com/trunk")),
            ("file:///home/ana/r", None),
            ("/home/ana/r", None),
            ("C:\\r", None),
        ];
        for (text, uri) in cases {
            assert_eq!(repository(text).as_deref(), uri, "{text}");
        }
    }
}
