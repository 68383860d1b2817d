//! Addresses without what opens the place that they lead to: passwords and tokens are neither in events nor shown.

use std::borrow::Cow;

/// Ends of the names of parameters that hold a credential, in lower case without `-`, `_` and `.`: `access_token`,
/// `PRIVATE-TOKEN`, `X-Amz-Signature`.
const SECRET_ENDS: [&str; 13] = [
    "token",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "apikey",
    "authkey",
    "accesskey",
    "privatekey",
    "signature",
    "credential",
    "credentials",
];
/// Such names as a whole, which others may end with that hold none.
const SECRET_NAMES: [&str; 7] = ["pass", "pw", "auth", "authorization", "sig", "jwt", "bearer"];

/// An address without credentials; nothing else of it changes, so that what has none stays as it is.
///
/// Taken off are
/// - what stands in front of the host's `@` (RFC 3986 §3.2.1), even a name alone, because code hosts take tokens there.
///   Over ssh a name alone opens nothing and stays: `ssh://git@example.org/shop`;
/// - parameters behind `?` and `#` whose name says that they hold a credential: `?access_token=…`.
///
/// So is what is in an address within the address. Text without `://` is no address and stays, as does
/// `git@example.org:acme/shop`.
pub fn without_credentials(address: &str) -> Cow<'_, str> {
    if !is_address(address) {
        return Cow::Borrowed(address);
    }
    let mut address = Cow::Borrowed(address);
    // What is left may look like an address again: `https://ana@host:word/x@example.org`.
    loop {
        let plain = once(&address);
        if plain == *address {
            return address;
        }
        address = Cow::Owned(plain);
    }
}

/// Whether [`without_credentials`] takes something off.
pub fn holds_credentials(address: &str) -> bool {
    is_address(address) && once(address) != address
}

fn is_address(text: &str) -> bool {
    text.contains("://")
}

fn once(address: &str) -> String {
    without_parameters(&without_users(address))
}

/// No address goes on behind a space, so that text around it stays.
fn without_users(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(without_users_of_word).collect()
}

fn without_users_of_word(address: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(address.len()), address);
    let last = address.rfind('@');
    while let Some(scheme) = rest.find("://") {
        let (before, after) = rest.split_at(scheme + "://".len());
        kept.push_str(before);
        rest = after;
        let last = last.and_then(|last| last.checked_sub(address.len() - after.len()));
        let Some(at) = end_of_user(after, last) else { continue };
        let (user, host) = after.split_at(at);
        if is_ssh(&before[..scheme])
            && let Some(name) = user.split(':').next().filter(|name| !name.is_empty())
        {
            kept.push_str(name);
            kept.push('@');
        }
        rest = &host['@'.len_utf8()..];
    }
    kept.push_str(rest);
    kept
}

/// Where the `@` is that ends the user of `rest`, an address from its authority on; `last` is the last one in it.
///
/// Whoever writes a password as it is ends the authority with the first `/`, `?` or `#` in it. What stands before that
/// has a colon that no port follows, and then everything up to the last `@` is taken for the user.
fn end_of_user(rest: &str, last: Option<usize>) -> Option<usize> {
    let end = rest.find(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace()).unwrap_or(rest.len());
    let authority = &rest[..end];
    authority.rfind('@').or_else(|| last.filter(|_| !is_host(authority)))
}

/// Whether an authority without a user is a host, with a port if there is a colon.
fn is_host(authority: &str) -> bool {
    // Colons in brackets are those of IPv6.
    let name =
        authority.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(authority, |(_, end)| end);
    let port = name.split_once(':').map(|(_, port)| port);
    port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a scheme is `ssh` or goes over it: `svn+ssh`. Of text, only its end is a scheme.
fn is_ssh(text: &str) -> bool {
    let scheme = text.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).next();
    scheme.unwrap_or_default().split('+').any(|part| part.eq_ignore_ascii_case("ssh"))
}

fn without_parameters(address: &str) -> String {
    let marks = |text: &str| text.find(['?', '&', ';', '#']).unwrap_or(text.len());
    let (plain, mut rest) = address.split_at(marks(address));
    let mut kept = String::with_capacity(address.len());
    kept.push_str(plain);
    // What opened the parameters that are gone now opens the next ones.
    let (mut opening, mut is_open, mut is_secret) = (None, false, false);
    while let Some(own) = rest.chars().next() {
        let (parameter, after) = rest[own.len_utf8()..].split_at(marks(&rest[own.len_utf8()..]));
        rest = after;
        // A value may have `;` and `?` in it.
        if is_secret && matches!(own, ';' | '?') {
            continue;
        }
        let mark = opening.take().filter(|_| matches!(own, '&' | ';')).unwrap_or(own);
        is_secret = has_secret_name(parameter);
        if is_secret {
            opening = Some(mark).filter(|mark| *mark == '#' || (*mark == '?' && !is_open));
        } else {
            is_open |= mark == '?';
            kept.push(mark);
            kept.push_str(parameter);
        }
    }
    kept
}

fn has_secret_name(parameter: &str) -> bool {
    let Some((name, _)) = parameter.split_once('=') else { return false };
    // Forms write `user[password]=` and `token[]=`.
    let name = name.replace("%5B", "").replace("%5D", "");
    let name: String = name.chars().filter(|c| !matches!(c, '-' | '_' | '.' | '[' | ']')).collect();
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str()) || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::{holds_credentials, without_credentials};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use proptest::sample::select;

    #[track_caller]
    fn becomes(address: &str, plain: &str) {
        assert_eq!(without_credentials(address), plain);
        assert_eq!(holds_credentials(address), address != plain, "{address}");
    }

    #[test]
    fn what_has_no_credentials_stays_as_it_is() {
        for address in [
            "https://github.com/acme/shop.git",
            "HTTPS://Example.org:8443/a@b/c:d@e?branch=a&x=y@z#L3",
            "http://[::1]:8080/a@b",
            "svn://example.org/shop/trunk@7",
            "ssh://git@example.org:22/acme/shop.git",
            "ssh://git@github.com:acme/shop.git",
            "svn+ssh://ana@example.org/shop",
            "GIT+SSH://git@example.org/shop",
            "git@github.com:acme/shop.git",
            "https://example.org/?",
            "https://example.org/?token",
            "https://example.org/?tokens=3&keys=&a;b#",
            "https://example.org/a/token=1",
            "acme/shop",
            "ana@example.org",
            "what? token=1",
            "",
            "://",
            "https://",
        ] {
            becomes(address, address);
        }
    }

    #[test]
    fn users_and_passwords_are_taken_off() {
        let shop = "https://example.org/acme/shop";
        for address in [
            "https://oauth2:word@example.org/acme/shop",
            "https://word@example.org/acme/shop",
            "https://:word@example.org/acme/shop",
            "https://ana:wo:rd@example.org/acme/shop",
            "https://ana:wo@rd@example.org/acme/shop",
            "https://ana:w%2Ford@example.org/acme/shop",
            "https://@example.org/acme/shop",
        ] {
            becomes(address, shop);
        }
        becomes("http://ana:word@example.org:8080?a=b", "http://example.org:8080?a=b");
        becomes("https://ana:word@[::1]:8080/x", "https://[::1]:8080/x");
        becomes("svn://ana@example.org/shop", "svn://example.org/shop");
        becomes("git+https://ana:word@example.org/x", "git+https://example.org/x");
    }

    #[test]
    fn over_ssh_a_name_stays_and_its_password_does_not() {
        becomes("ssh://git:word@example.org/acme", "ssh://git@example.org/acme");
        becomes("svn+ssh://ana:wo@rd@example.org:22/acme", "svn+ssh://ana@example.org:22/acme");
        becomes("ssh://git:w/ord@example.org/acme", "ssh://git@example.org/acme");
        becomes("ssh://:word@example.org/acme", "ssh://example.org/acme");
    }

    #[test]
    fn passwords_that_end_the_authority_are_taken_off_as_well() {
        for address in [
            "https://ana:w/ord@example.org/a",
            "https://ana:w?ord@example.org/a",
            "https://ana:#@example.org/a",
        ] {
            becomes(address, "https://example.org/a");
        }
        becomes("https://ana@host:word/x@example.org", "https://example.org");
    }

    #[test]
    fn parameters_that_hold_credentials_are_taken_off() {
        for (address, plain) in [
            ("https://example.org/a?access_token=word", "https://example.org/a"),
            ("https://example.org/a?b=c&private_token=word&d=e#f", "https://example.org/a?b=c&d=e#f"),
            ("https://example.org/a?PRIVATE-TOKEN=word&d=e", "https://example.org/a?d=e"),
            ("https://example.org/a?b=c;password=wo;rd?d&e=f", "https://example.org/a?b=c&e=f"),
            ("https://example.org/a?to=/b?token=word&c=d", "https://example.org/a?to=/b&c=d"),
            ("https://example.org/a?X-Amz-Signature=word;x#f", "https://example.org/a#f"),
            ("https://example.org/a#id=1&access_token=word", "https://example.org/a#id=1"),
            ("https://example.org/a#access_token=word&id=1", "https://example.org/a#id=1"),
            ("https://ana:word@example.org?api.key=word&sig=word", "https://example.org"),
            ("https://example.org/a?user[password]=word&token%5B%5D=word&b=c", "https://example.org/a?b=c"),
        ] {
            becomes(address, plain);
        }
    }

    #[test]
    fn addresses_within_addresses_lose_theirs() {
        becomes(
            "https://example.org/https://ana:word@example.com/x?to=http://ana:word@example.net/",
            "https://example.org/https://example.com/x?to=http://example.net/",
        );
    }

    #[test]
    fn text_around_an_address_stays() {
        becomes(
            "see (https://ana:word@example.org), or ask a@b.c",
            "see (https://example.org), or ask a@b.c",
        );
        becomes("at ssh://git:word@example.org now", "at ssh://git@example.org now");
        for text in ["Fix https://example.org: thanks @ana", "Bump http://localhost:PORT for @acme/pkg"] {
            becomes(text, text);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_to_take_off(address in any::<String>(), parts in "([a-z]{0,3}(://|[:/?#@&;=\\[\\]]| |token=|ssh)){0,12}") {
            for address in [address, parts] {
                let plain = without_credentials(&address).into_owned();
                prop_assert_eq!(&without_credentials(&plain), &plain);
                prop_assert!(!holds_credentials(&plain));
                prop_assert_eq!(holds_credentials(&address), plain != address);
            }
        }

        #[test]
        fn a_password_is_nowhere_in_what_is_left(
            scheme in select(vec!["https", "http", "svn", "ssh", "svn+ssh", "git+https"]),
            user in "[a-z0-9._~%-]{0,8}",
            password in "[A-Z][!-~]{0,20}",
            rest in "[a-z]{1,8}(:[0-9]{1,5})?(/[a-z@.]{0,8}){0,3}",
        ) {
            let plain = without_credentials(&format!("{scheme}://{user}:{password}@{rest}")).into_owned();
            prop_assert!(!plain.contains(&password), "{}", plain);
        }

        #[test]
        fn a_token_is_nowhere_in_what_is_left(
            host in "[a-z]{1,8}(/[a-z@.]{0,8}){0,3}",
            name in select(vec!["access_token", "private_token", "job-token", "PASSWORD", "api_key", "sig"]),
            token in "[A-Z][A-Z0-9!\"$%'-:<-~]{8,20}",
            before in "([a-z]=[0-9]&){0,2}",
            after in "(&[a-z]=[0-9]){0,2}",
        ) {
            let of = |parameters: &str| format!("https://{host}?{parameters}");
            let plain = without_credentials(&of(&format!("{before}{name}={token}{after}"))).into_owned();
            prop_assert!(!plain.contains(&token), "{}", plain);
        }

        #[test]
        fn a_plain_address_is_not_touched(
            address in "(https?|svn)://[a-z.]{1,12}(:[0-9]{1,5})?(/[a-z@.~-]{0,8}){0,4}(\\?[a-d]=[a-z@/]{0,8}(&[a-d]=[0-9]{0,3}){0,2})?",
        ) {
            prop_assert_eq!(without_credentials(&address), address.as_str());
        }
    }
}
