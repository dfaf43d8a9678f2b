//! A redirect URI that differs from the address on which the host listens.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::grants::UrlProblem;
use crate::grants::location::{Location, is_loopback};
use crate::request::CallbackPath;
#[cfg(feature = "net")]
use crate::request::Scheme;

/// The redirect URI that the provider knows, if the browser does not reach the host under the address on which it
/// listens: behind a port forward, or a server that sends the browser on.
///
/// It is an `https` URL, or an `http` URL of this machine, with or without a query, and without a fragment (RFC 6749,
/// section 3.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    /// The text as given, because providers compare it as text.
    text: String,
    url: Url,
    /// The path of the callback, if the redirect URI is one of this machine.
    path: Option<CallbackPath>,
}

impl FromStr for RedirectUri {
    type Err = UrlProblem;

    fn from_str(text: &str) -> Result<Self, UrlProblem> {
        let (place, query) = match text.split_once('?') {
            Some((place, query)) => (place, query),
            None => (text, ""),
        };
        if query.contains('#') {
            return Err(UrlProblem::Fragment);
        }
        if !query.chars().all(|c| c.is_ascii_graphic() && c != '\\') {
            return Err(UrlProblem::Character);
        }
        let Location { url, .. } = Location::parse(place)?;
        let path = url.host().is_some_and(|host| is_loopback(&host)).then(|| url.path().parse());
        let path = path.transpose().map_err(|_| UrlProblem::Path)?;
        Ok(Self { text: text.to_owned(), url, path })
    }
}

impl RedirectUri {
    /// Returns the text as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the scheme.
    #[cfg(feature = "net")]
    pub(crate) fn scheme(&self) -> Scheme {
        if self.url.scheme() == "https" { Scheme::Https } else { Scheme::Http }
    }

    /// Returns the scheme, the host and the port, such as `https://login.example.org`.
    #[cfg(feature = "net")]
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Returns the host, such as `login.example.org` or `::1`.
    pub fn host(&self) -> &str {
        self.written_host().trim_matches(['[', ']'])
    }

    /// Returns the host as in a URL, where an IPv6 address has brackets.
    fn written_host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns the port, which is the default one of the scheme if the URI has none.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Returns whether the URI names this machine: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.path.is_some()
    }

    /// Returns the path of the callback, if the URI names this machine. A forwarded port does not change the path, but
    /// another host may send the browser on to any path.
    pub(crate) fn callback_path(&self) -> Option<&CallbackPath> {
        self.path.as_ref()
    }

    /// Returns the authorities that a browser may send in `Host` for this URI, with and without the usual port.
    pub(crate) fn authorities(&self) -> Vec<String> {
        let with_port = format!("{}:{}", self.written_host(), self.port());
        match self.url.port() {
            Some(_) => vec![with_port],
            None => vec![with_port, self.written_host().to_owned()],
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kept_and_the_host_is_known_under_its_authorities() {
        for (text, host, authorities) in [
            (
                "https://login.example.org/callback",
                "login.example.org",
                &["login.example.org:443", "login.example.org"][..],
            ),
            (
                "https://Login.example.org:8443/cb?app=1",
                "login.example.org",
                &["login.example.org:8443"],
            ),
            ("http://localhost/", "localhost", &["localhost:80", "localhost"]),
            ("http://127.0.0.1:9000/callback", "127.0.0.1", &["127.0.0.1:9000"]),
            ("http://[::1]:9000/callback", "::1", &["[::1]:9000"]),
        ] {
            let uri: RedirectUri = text.parse().unwrap();
            assert_eq!((uri.as_str(), uri.host()), (text, host));
            assert_eq!(uri.authorities(), authorities, "{text}");
            assert!(authorities[0].ends_with(&format!(":{}", uri.port())));
        }
    }

    #[test]
    fn only_a_uri_of_this_machine_has_the_path_of_the_callback() {
        let path = |text: &str| {
            let uri: RedirectUri = text.parse().unwrap();
            assert_eq!(uri.is_loopback(), uri.callback_path().is_some());
            uri.callback_path().map(|path| path.as_str().to_owned())
        };
        assert_eq!(path("http://localhost:8080/sign-in?a=b").as_deref(), Some("/sign-in"));
        assert_eq!(path("https://127.0.0.1:8443").as_deref(), Some("/"));
        assert_eq!(path("https://localhost.example/sign-in"), None);
        assert_eq!(path("https://10.0.0.1/sign-in"), None);
    }

    #[test]
    fn a_uri_that_browsers_change_or_that_others_can_read_is_refused() {
        for (text, problem) in [
            ("http://login.example.org/callback", UrlProblem::Http),
            ("http://10.0.0.1/callback", UrlProblem::Http),
            ("https://login.example.org/callback#x", UrlProblem::Fragment),
            ("https://login.example.org/callback?a#x", UrlProblem::Fragment),
            ("https://login.example.org/callback?a=\u{e9}", UrlProblem::Character),
            ("https://login.example.org/callback?a b", UrlProblem::Character),
            ("https://login.example.org/callback?a\r\nb", UrlProblem::Character),
            ("https://login.example.org/a/../callback", UrlProblem::Path),
            ("https://user@login.example.org/callback", UrlProblem::UserInformation),
            ("https://2130706433/callback", UrlProblem::Host),
            ("https://login.example.org./callback", UrlProblem::Host),
            ("myapp:/callback", UrlProblem::Scheme),
            ("login.example.org", UrlProblem::Scheme),
            ("", UrlProblem::Scheme),
            ("?", UrlProblem::Scheme),
        ] {
            assert_eq!(text.parse::<RedirectUri>(), Err(problem), "{text}");
        }
    }
}
