//! Where a request came from: the other end of the connection, or what a trusted proxy says.

use super::forwarded::{forwarded, x_forwarded_for};
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::{IpNet, Ipv6Net};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use thiserror::Error;

/// Bits of an IPv6 address that one customer of a provider has for itself (RFC 6177 §2: at least a /64).
const IPV6_NETWORK_BITS: u8 = 64;

/// The proxies in front of this server that may say for whom they ask. None unless configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// One address or network of trusted proxies, as configured: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

/// Why an address or network cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidProxy {
    /// It is neither an address nor a network.
    #[error("expected an address or a network, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8")]
    Malformed,
    /// It is everybody, and everybody could then claim any address.
    #[error("a network of every address trusts everybody; name the proxies")]
    Everybody,
    /// It is an IPv4 network in IPv6 notation, which no client's address is ever compared with.
    #[error("write an IPv4 network as such: 10.0.0.0/8, not ::ffff:10.0.0.0/104")]
    Mapped,
}

impl FromStr for TrustedProxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse::<IpNet>().map_err(|_| InvalidProxy::Malformed)?.trunc(),
        };
        if network.prefix_len() == 0 {
            return Err(InvalidProxy::Everybody);
        }
        if network.network().to_canonical() != network.network() {
            return Err(InvalidProxy::Mapped);
        }
        Ok(Self(network))
    }
}

impl FromIterator<TrustedProxy> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = TrustedProxy>>(proxies: I) -> Self {
        Self(proxies.into_iter().map(|proxy| proxy.0).collect())
    }
}

impl TrustedProxies {
    /// Whether this is the address of a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// For whom `peer` asks.
    ///
    /// What headers say counts only from a trusted proxy. They are read from the right, because each proxy adds on
    /// the right what it saw itself; the first address that is no trusted proxy is the client. What stands left of
    /// it, or of anything that is no address, anybody could have written. `Forwarded` (RFC 7239) and
    /// `X-Forwarded-For` must agree where both are there: a proxy writes one of them and lets the other through.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return ClientAddress(peer);
        }
        let standard = forwarded(headers).map(|hops| self.walk(peer, hops));
        let common = x_forwarded_for(headers).map(|hops| self.walk(peer, hops));
        ClientAddress(match (standard, common) {
            (Some(client), None) | (None, Some(client)) => client,
            (Some(one), Some(other)) if one == other => one,
            (Some(_), Some(_)) | (None, None) => peer,
        })
    }

    /// The first address from the right that is no trusted proxy, or the last one before something unreadable.
    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut nearest = peer;
        for hop in hops {
            let Some(hop) = hop else { break };
            nearest = hop.to_canonical();
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }
}

/// The address of whoever sent a request; IPv4 is never written as IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What the server found out when the request came in; the other end of the connection before that.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        let found = extensions.get::<Self>().copied();
        found.or_else(|| Self::peer(extensions).map(|peer| Self(peer.to_canonical())))
    }

    /// The other end of the connection.
    pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
    }

    /// What is counted as one client.
    pub fn network(self) -> Network {
        match self.0 {
            IpAddr::V4(address) => Network(IpAddr::V4(address).into()),
            IpAddr::V6(address) => {
                let network = Ipv6Net::new_assert(address, IPV6_NETWORK_BITS).trunc();
                Network(network.into())
            }
        }
    }
}

/// What is counted as one client: an IPv4 address, or an IPv6 network of 64 bits, in which a client may take any
/// address it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

#[cfg(test)]
mod tests {
    use super::{ClientAddress, InvalidProxy, TrustedProxies, TrustedProxy};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};
    use std::net::{IpAddr, Ipv4Addr};

    const PEER: &str = "10.0.0.1";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn trusting(networks: &[&str]) -> TrustedProxies {
        networks.iter().map(|network| network.parse::<TrustedProxy>().unwrap()).collect()
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[track_caller]
    fn check(trusted: &[&str], lines: &[(&'static str, &str)], client: &str) {
        assert_eq!(
            trusting(trusted).client(ip(PEER), &headers(lines)),
            ClientAddress(ip(client)),
            "{lines:?}"
        );
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        check(&[], &[("x-forwarded-for", "203.0.113.9")], PEER);
        check(&[], &[("forwarded", "for=203.0.113.9")], PEER);
        check(&["10.0.0.2"], &[("x-forwarded-for", "203.0.113.9")], PEER);
    }

    #[test]
    fn the_client_is_the_right_most_address_that_is_no_trusted_proxy() {
        let trusted = ["10.0.0.0/8"];
        check(&trusted, &[("x-forwarded-for", "203.0.113.9")], "203.0.113.9");
        check(&trusted, &[("x-forwarded-for", "198.51.100.1, 203.0.113.9, 10.0.0.7")], "203.0.113.9");
        check(
            &trusted,
            &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9")],
            "203.0.113.9",
        );
        check(&trusted, &[("forwarded", "for=198.51.100.1, for=203.0.113.9;proto=https")], "203.0.113.9");
        check(&trusted, &[("x-forwarded-for", "10.0.0.9, 10.0.0.8")], "10.0.0.9");
        check(&trusted, &[], PEER);
    }

    #[test]
    fn addresses_come_with_ports_brackets_and_quotes() {
        let trusted = ["10.0.0.1"];
        check(&trusted, &[("x-forwarded-for", "203.0.113.9:4711")], "203.0.113.9");
        check(&trusted, &[("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1");
        check(&trusted, &[("x-forwarded-for", "2001:db8::1")], "2001:db8::1");
        check(&trusted, &[("forwarded", "For=\"[2001:db8::1]:4711\"")], "2001:db8::1");
        check(&trusted, &[("x-forwarded-for", "::ffff:203.0.113.9")], "203.0.113.9");
    }

    #[test]
    fn nothing_beyond_something_unreadable_is_believed() {
        let trusted = ["10.0.0.0/8"];
        check(&trusted, &[("x-forwarded-for", "203.0.113.9, unknown")], PEER);
        check(&trusted, &[("x-forwarded-for", "203.0.113.9, nonsense, 10.0.0.7")], "10.0.0.7");
        check(&trusted, &[("forwarded", "for=203.0.113.9, for=_hidden")], PEER);
        check(&trusted, &[("forwarded", "for=203.0.113.9;for=198.51.100.1")], PEER);
        check(&trusted, &[("forwarded", "for=\"203.0.113.9")], PEER);
        check(&trusted, &[("x-forwarded-for", "")], PEER);
    }

    #[test]
    fn a_client_cannot_choose_its_address_by_the_header_that_its_proxy_lets_through() {
        let trusted = ["10.0.0.0/8"];
        let lines = [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "203.0.113.9")];
        check(&trusted, &lines, PEER);
        let agreeing = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "203.0.113.9")];
        check(&trusted, &agreeing, "203.0.113.9");
    }

    #[test]
    fn proxies_are_addresses_or_networks_but_not_everybody() {
        for good in ["10.0.0.7", "10.0.0.0/8", "10.1.2.3/8", "fd00::/8", "::1"] {
            assert!(good.parse::<TrustedProxy>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", InvalidProxy::Malformed),
            ("proxy.example.org", InvalidProxy::Malformed),
            ("10.0.0.0/33", InvalidProxy::Malformed),
            ("0.0.0.0/0", InvalidProxy::Everybody),
            ("::/0", InvalidProxy::Everybody),
            ("::ffff:10.0.0.0/104", InvalidProxy::Mapped),
        ] {
            assert_eq!(bad.parse::<TrustedProxy>(), Err(why), "{bad}");
        }
        assert!(trusting(&["10.1.2.3/8"]).trusts(ip("10.200.0.1")));
        assert!(trusting(&["::ffff:10.0.0.7"]).trusts(ip("10.0.0.7")));
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let network = |text| ClientAddress(ip(text)).network();
        assert_eq!(network("2001:db8:0:1::1"), network("2001:db8:0:1:ffff::2"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
        assert_ne!(network("203.0.113.9"), network("203.0.113.10"));
    }

    proptest! {
        #[test]
        fn whatever_strangers_write_the_client_is_what_the_proxy_saw(
            left in "[ -~]{0,60}",
            name in prop::sample::select(vec!["x-forwarded-for", "forwarded"]),
            seen in any::<u32>(),
        ) {
            let seen = Ipv4Addr::from(seen | 0x8000_0000);
            let added = if name == "forwarded" { format!("for={seen}") } else { seen.to_string() };
            let lines = [(name, left.as_str()), (name, added.as_str())];
            let client = trusting(&["10.0.0.0/8"]).client(ip(PEER), &headers(&lines));
            prop_assert_eq!(client, ClientAddress(IpAddr::V4(seen)));
        }

        #[test]
        fn what_is_added_to_a_strangers_line_is_the_client_or_nothing_is(
            left in "[ -~]{0,60}",
            name in prop::sample::select(vec!["x-forwarded-for", "forwarded"]),
        ) {
            let added = if name == "forwarded" { "for=203.0.113.9" } else { "203.0.113.9" };
            let line = format!("{left}, {added}");
            let client = trusting(&["10.0.0.0/8"]).client(ip(PEER), &headers(&[(name, &line)]));
            proptest::prop_assert!([ip("203.0.113.9"), ip(PEER)].contains(&client.0), "{client:?}");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let name = [HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("forwarded")];
            let headers: HeaderMap = name.into_iter().map(|name| (name, value.clone())).collect();
            trusting(&["10.0.0.0/8", "::1"]).client(ip(PEER), &headers);
        }
    }
}
