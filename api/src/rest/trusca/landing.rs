//! Where a browser goes once its user is signed in: never to somebody else (OWASP: unvalidated redirects).

use crate::entrance::before_value;
use scanledger_domain::limits::URL_CHARS;
use url::Url;

/// The address for a browser that wants to land at `wanted`, if that is a path, or below the scheme, host and port of
/// `landing`. What is answered is written anew from what was read, so that no browser reads it in another way.
pub fn landing_at(landing: &str, wanted: &str) -> Option<String> {
    if wanted.chars().count() > URL_CHARS || wanted.chars().any(char::is_control) {
        return None;
    }
    let landing = Url::parse(landing).ok()?;
    let mut characters = wanted.chars();
    let target = match (characters.next(), characters.next()) {
        // Browsers take both for the beginning of a host.
        (Some('/'), Some('/' | '\\')) => return None,
        (Some('/'), _) => landing.join(wanted).ok()?,
        _ => Url::parse(wanted).ok()?,
    };
    let is_plain = target.username().is_empty() && target.password().is_none();
    let is_here = landing.origin().is_tuple() && target.origin() == landing.origin();
    (is_here && is_plain).then(|| target.into())
}

/// An address with `error` as a further parameter.
pub fn with_error(address: &str, error: &str) -> String {
    format!("{}{error}", before_value(address, "error"))
}

#[cfg(test)]
mod tests {
    use super::{landing_at, with_error};
    use axum::http::HeaderValue;
    use proptest::prelude::{prop_assert, prop_assert_eq, prop_oneof, proptest};
    use url::Url;

    const LANDING: &str = "https://portal.example:8443/app/";

    #[test]
    fn paths_and_addresses_of_the_landing_page_are_kept() {
        for (wanted, expected) in [
            ("/", "https://portal.example:8443/"),
            ("/projects?x=1#top", "https://portal.example:8443/projects?x=1#top"),
            ("/a/../b", "https://portal.example:8443/b"),
            ("/grün", "https://portal.example:8443/gr%C3%BCn"),
            ("/?next=https://evil.example", "https://portal.example:8443/?next=https://evil.example"),
            ("https://portal.example:8443/app/x", "https://portal.example:8443/app/x"),
            ("HTTPS://PORTAL.example:8443/x", "https://portal.example:8443/x"),
        ] {
            assert_eq!(landing_at(LANDING, wanted).as_deref(), Some(expected), "{wanted}");
        }
    }

    #[test]
    fn everything_else_is_dropped() {
        let long = format!("/{}", "x".repeat(2_000));
        for wanted in [
            "",
            "projects",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/x\u{7f}",
            "https://evil.example/",
            "https://portal.example/",
            "http://portal.example:8443/",
            "https://portal.example:8443@evil.example/",
            "https://ana@portal.example:8443/",
            "https://portal.example:8443.evil.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https:evil.example",
            long.as_str(),
        ] {
            assert_eq!(landing_at(LANDING, wanted), None, "{wanted}");
        }
        assert_eq!(landing_at("not an address", "/x"), None);
        assert_eq!(landing_at("data:text/html,x", "data:text/html,x"), None);
    }

    #[test]
    fn an_error_is_a_further_parameter() {
        assert_eq!(with_error("https://portal.example/login", "x"), "https://portal.example/login?error=x");
        assert_eq!(with_error("https://portal.example/?a=b", "x"), "https://portal.example/?a=b&error=x");
    }

    proptest! {
        #[test]
        fn nobody_lands_elsewhere(
            wanted in prop_oneof![
                r"[/\\]{1,3}[a-z.@:/\\?#%]{0,20}",
                r"(https?|javascript|data|file|ftp)?:?[/\\]{0,3}(portal\.example(:8443)?|evil\.example)?[@:./\\?#a-z]{0,12}",
                ".{0,40}",
            ],
        ) {
            if let Some(target) = landing_at(LANDING, &wanted) {
                let read = Url::parse(&target).unwrap();
                prop_assert_eq!(read.origin(), Url::parse(LANDING).unwrap().origin());
                // What a browser makes of it does not depend on the page that it comes from.
                prop_assert_eq!(Url::parse("https://evil.example/x").unwrap().join(&target).unwrap(), read);
                prop_assert!(target.is_ascii() && HeaderValue::try_from(target.as_str()).is_ok());
                // Saying it again changes nothing.
                prop_assert_eq!(landing_at(LANDING, &target), Some(target));
            }
        }
    }
}
