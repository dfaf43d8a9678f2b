//! Where a request goes: the scheme, host and port of its URL.

use http::Uri;
use url::Host;

use super::problem::Problem;

/// The server of an `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) is_tls: bool,
    /// As the URL standard parses it: `127.1`, `0x7f.1` and `2130706433` are the IPv4 address `127.0.0.1` here.
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Destination {
    /// The server of `uri`.
    ///
    /// # Errors
    /// Fails if `uri` is not an `http` or `https` URL with a valid host, or contains user information.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Problem::Url),
        };
        let authority = uri.authority().ok_or(Problem::Url)?;
        if authority.as_str().contains('@') {
            return Err(Problem::Url);
        }
        let host = Host::parse(authority.host()).map_err(|_| Problem::Url)?;
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.port().is_some() => return Err(Problem::Url),
            None => default_port(is_tls),
        };
        Ok(Self { is_tls, host, port })
    }

    /// The value of the `Host` header field: without the port if it is the default (RFC 9110, section 7.2).
    pub(super) fn authority(&self) -> String {
        if self.port == default_port(self.is_tls) {
            self.host.to_string()
        } else {
            self.host_and_port()
        }
    }

    /// The host and the port, as in the target of `CONNECT` (RFC 9112, section 3.2.3).
    pub(super) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether the host names this machine: a loopback address, `localhost` or a name below it (RFC 6761, section
    /// 6.3).
    pub(super) fn names_loopback(&self) -> bool {
        match &self.host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.to_canonical().is_loopback(),
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }
}

const fn default_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(url: &str) -> Result<Destination, Problem> {
        Destination::of(&url.parse().unwrap())
    }

    #[test]
    fn a_host_has_one_form_however_it_is_written() {
        for (url, shown) in [
            ("https://Provider.Example/token?code=1", "provider.example"),
            ("https://provider.example:443/", "provider.example"),
            ("https://provider.example:80/", "provider.example:80"),
            ("http://provider.example:80/", "provider.example"),
            ("http://127.1/", "127.0.0.1"),
            ("http://0x7f.1:8080/", "127.0.0.1:8080"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0177.0.0.1/", "127.0.0.1"),
            ("http://127.0.0.1./", "127.0.0.1"),
            ("http://[0::1]:1/", "[::1]:1"),
            ("http://[::FFFF:10.0.0.1]/", "[::ffff:a00:1]"),
        ] {
            assert_eq!(destination(url).unwrap().authority(), shown, "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "/token",
            "provider.example:443",
            "ftp://provider.example/",
            "https://user@provider.example/",
            "https://user:password@provider.example/",
            "https://127.0.0.1.5/",
            "https://1.2.3.256/",
            "https://0x.0x.0x.08/",
        ] {
            assert!(matches!(destination(url), Err(Problem::Url)), "{url}");
        }
    }

    #[test]
    fn loopback_has_names_too() {
        for (url, expected) in [
            ("http://localhost/", true),
            ("http://LOCALHOST./", true),
            ("http://a.localhost/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://localhost.example/", false),
            ("http://notlocalhost/", false),
            ("http://128.0.0.1/", false),
            ("http://[::2]/", false),
        ] {
            assert_eq!(destination(url).unwrap().names_loopback(), expected, "{url}");
        }
    }
}
