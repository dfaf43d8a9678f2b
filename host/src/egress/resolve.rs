//! From a host to the addresses to connect to. Every address is checked, and the caller connects to exactly those.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::lookup_host;
use url::Host;

use super::address::{Range, special};
use super::destination::Destination;
use super::problem::Problem;
use crate::outgoing::NetRemedy;

/// The addresses that requests may reach besides public ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// Whether private networks are allowed: RFC 1918, RFC 6598, and RFC 4193. Link-local addresses never are,
    /// because the metadata service of cloud machines has one.
    pub(crate) private: bool,
    /// The hosts and ports for which loopback is allowed, and nothing else.
    pub(crate) loopback: Vec<(Host, u16)>,
}

impl Reach {
    /// Returns whether loopback is granted for exactly this host and port.
    pub(super) fn grants_loopback(&self, to: &Destination) -> bool {
        self.loopback.iter().any(|(host, port)| (host, *port) == (&to.host, to.port))
    }

    /// Checks that a request to `to` may reach `address`.
    fn judge(&self, to: &Destination, address: IpAddr) -> Result<(), Problem> {
        let is_loopback = address.to_canonical().is_loopback();
        if self.grants_loopback(to) {
            return if is_loopback { Ok(()) } else { Err(Problem::NotLoopback(address)) };
        }
        let Some(range) = special(address) else { return Ok(()) };
        let remedy = match range {
            Range::Private | Range::Shared | Range::UniqueLocal | Range::LocalTranslator => {
                if self.private {
                    return Ok(());
                }
                Some(NetRemedy::Private)
            }
            Range::Loopback if is_loopback && to.names_loopback() => Some(NetRemedy::Loopback),
            _ => None,
        };
        Err(Problem::Address { address, range, remedy })
    }

    /// Checks all addresses of `to`. One that is refused refuses the others too: whoever controls the name could
    /// otherwise hide a private address among public ones.
    pub(super) fn judge_all(
        &self,
        to: &Destination,
        addresses: &[SocketAddr],
    ) -> Result<(), Problem> {
        addresses.iter().try_for_each(|address| self.judge(to, address.ip()))
    }

    /// Checks the host of `to` if it is an IP address. Nothing is resolved.
    pub(super) fn judge_literal(&self, to: &Destination) -> Result<(), Problem> {
        literal(to).map_or(Ok(()), |address| self.judge(to, address))
    }
}

fn literal(to: &Destination) -> Option<IpAddr> {
    match to.host {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// The addresses of `to`, without any check.
///
/// The system's resolver runs on a blocking thread. If this future is dropped, it still finishes its work there.
///
/// # Errors
/// Fails if the name does not resolve.
pub(super) async fn lookup(to: &Destination) -> Result<Vec<SocketAddr>, Problem> {
    let addresses: Vec<_> = match &to.host {
        Host::Domain(name) => {
            lookup_host((name.as_str(), to.port)).await.map_err(Problem::Resolve)?.collect()
        }
        Host::Ipv4(address) => vec![(*address, to.port).into()],
        Host::Ipv6(address) => vec![(*address, to.port).into()],
    };
    if addresses.is_empty() {
        return Err(Problem::Resolve(io::Error::other("no addresses")));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(url: &str) -> Destination {
        Destination::of(&url.parse().unwrap()).unwrap()
    }

    fn addresses(ips: &[&str]) -> Vec<SocketAddr> {
        ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect()
    }

    fn judge(reach: &Reach, url: &str, ips: &[&str]) -> Result<(), Problem> {
        reach.judge_all(&destination(url), &addresses(ips))
    }

    const URL: &str = "https://provider.example/token";

    #[test]
    fn one_refused_address_refuses_all() {
        let reach = Reach::default();
        judge(&reach, URL, &["8.8.8.8", "2606:4700::1111"]).unwrap();
        for ips in [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["2606:4700::1", "::1"]] {
            let problem = judge(&reach, URL, &ips).unwrap_err();
            assert!(matches!(problem, Problem::Address { .. }), "{problem}");
        }
    }

    #[test]
    fn private_networks_need_their_setting_and_others_have_none() {
        let reach = Reach { private: true, ..Reach::default() };
        for (ip, remedy) in [
            ("10.0.0.1", Some(NetRemedy::Private)),
            ("172.16.0.1", Some(NetRemedy::Private)),
            ("192.168.0.1", Some(NetRemedy::Private)),
            ("100.64.0.1", Some(NetRemedy::Private)),
            ("fd00::1", Some(NetRemedy::Private)),
            ("::ffff:10.0.0.1", Some(NetRemedy::Private)),
            ("64:ff9b::10.0.0.1", Some(NetRemedy::Private)),
            ("64:ff9b:1::8.8.8.8", Some(NetRemedy::Private)),
            ("169.254.169.254", None),
            ("::ffff:169.254.169.254", None),
            ("64:ff9b::169.254.169.254", None),
            ("64:ff9b:1:a9fe:a9:fe00:808:808", None),
            ("fe80::1", None),
            ("fec0::1", None),
            ("127.0.0.1", None),
            ("::1", None),
            ("0.0.0.0", None),
            ("192.0.0.1", None),
            ("198.18.0.1", None),
            ("224.0.0.1", None),
            ("255.255.255.255", None),
        ] {
            let problem = judge(&Reach::default(), URL, &[ip]).unwrap_err();
            assert_eq!(problem.remedy(), remedy, "{ip}");
            assert_eq!(judge(&reach, URL, &[ip]).is_ok(), remedy.is_some(), "{ip}");
        }
    }

    #[test]
    fn loopback_is_granted_for_one_host_and_port() {
        let reach =
            Reach { private: true, loopback: vec![(Host::parse("localhost").unwrap(), 8080)] };
        judge(&reach, "http://localhost:8080/", &["127.0.0.1", "::1"]).unwrap();
        for url in [
            "http://localhost:8081/",
            "http://localhost/",
            "http://127.0.0.1:8080/",
            "http://a.localhost:8080/",
        ] {
            let problem = judge(&reach, url, &["127.0.0.1"]).unwrap_err();
            assert_eq!(problem.remedy(), Some(NetRemedy::Loopback), "{url}");
        }
        // A name of somebody else that resolves to loopback.
        let problem = judge(&reach, "http://provider.example:8080/", &["127.0.0.1"]).unwrap_err();
        assert_eq!(problem.remedy(), None);
    }

    #[test]
    fn a_loopback_grant_covers_only_loopback() {
        let reach =
            Reach { private: true, loopback: vec![(Host::parse("localhost").unwrap(), 8080)] };
        for ip in ["8.8.8.8", "10.0.0.1", "0.0.0.0", "64:ff9b::127.0.0.1", "2002:7f00:1::"] {
            let problem = judge(&reach, "http://localhost:8080/", &["127.0.0.1", ip]).unwrap_err();
            assert!(matches!(problem, Problem::NotLoopback(_)), "{ip}: {problem}");
        }
    }

    /// The label is longer than DNS allows, so the resolver asks nobody.
    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_an_error() {
        let to = destination(&format!("https://{}.example/", "a".repeat(64)));
        let problem = lookup(&to).await.unwrap_err();
        assert!(problem.to_string().starts_with("its name does not resolve: "), "{problem}");
    }
}
