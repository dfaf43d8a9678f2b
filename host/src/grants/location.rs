//! Reads a URL of scheme, host, port and path, and refuses one that two programs could read in two ways.
//!
//! A grant names one place. A server that decodes or shortens a path once more than the host would let a guest reach a
//! granted place under a name that the host does not recognize.

use url::{Host, Url};

use super::path::is_unambiguous;

/// A web URL without user information, query and fragment.
#[derive(Debug)]
pub(crate) struct Location {
    /// The URL, normalized by the rules of browsers (the WHATWG URL standard).
    pub(crate) url: Url,
    /// Whether the text has a path. [`Url`] adds `/` to a text that has none.
    pub(crate) has_path: bool,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlProblem {
    /// It has no scheme, or one that is not of the web.
    #[error("expected a URL that starts with `https://`")]
    Scheme,
    /// It has spaces, control characters or backslashes, which parsers drop or replace.
    #[error("expected a URL without spaces, control characters and backslashes")]
    Character,
    /// It has user information.
    #[error("expected a URL without user name and password (they are not shown)")]
    UserInformation,
    /// It has a query.
    #[error("expected a URL without a query (its query is not shown)")]
    Query,
    /// It has a fragment.
    #[error("expected a URL without a fragment (its fragment is not shown)")]
    Fragment,
    /// The host or port is missing, invalid, a pattern, or an address in an unusual notation.
    #[error(
        "expected a host name such as `provider.example`, or an IP address in its usual notation"
    )]
    Host,
    /// It has the scheme `http`, and its host is not the local machine.
    #[error(
        "expected `https`, because `http` is only allowed for `localhost` and loopback addresses"
    )]
    Http,
    /// The path is not in its normal form.
    #[error("expected a path without `..`, `//`, and percent-encoded letters, digits and slashes")]
    Path,
    /// It has a path, and only an origin is allowed.
    #[error("expected an origin such as `https://provider.example`, without a path")]
    NotAnOrigin,
}

impl Location {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlProblem> {
        if text.contains(|c: char| c <= ' ' || c == '\u{7f}' || c == '\\') {
            return Err(UrlProblem::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlProblem::Scheme)?;
        if !["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme)) {
            return Err(UrlProblem::Scheme);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlProblem::UserInformation);
        }
        if path.contains('#') {
            return Err(UrlProblem::Fragment);
        }
        if path.contains('?') {
            return Err(UrlProblem::Query);
        }
        let url = Url::parse(text).map_err(|_| UrlProblem::Host)?;
        if !has_plain_host(&url, authority) {
            return Err(UrlProblem::Host);
        }
        if !path.is_empty() && (path != url.path() || !is_unambiguous(path)) {
            return Err(UrlProblem::Path);
        }
        if url.scheme() == "http" && !url.host().is_some_and(|host| is_loopback(&host)) {
            return Err(UrlProblem::Http);
        }
        Ok(Self { url, has_path: !path.is_empty() })
    }
}

/// Returns whether the host is what it seems to be. `authority` is the text that `url` was read from.
fn has_plain_host(url: &Url, authority: &str) -> bool {
    // The URL standard allows more characters, such as `*`.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let written = authority.split(':').next().unwrap_or_default();
    url.authority().chars().all(is_plain)
        && !authority.is_empty()
        && !authority.contains('%')
        && match url.host() {
            // `2130706433`, `0x7f.1` and `127.1` are also read as 127.0.0.1.
            Some(Host::Ipv4(address)) => written == address.to_string(),
            Some(Host::Ipv6(_)) => true,
            // A name with a dot at its end is the same host with another origin.
            Some(Host::Domain(name)) => !name.ends_with('.'),
            None => false,
        }
}

/// Returns whether `host` is `localhost` or a loopback address.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_plain_url() {
        for (text, url, has_path) in [
            ("https://h", "https://h/", false),
            ("https://h/", "https://h/", true),
            ("HTTPS://H.Example:443/A", "https://h.example/A", true),
            ("https://h:8443/a/b", "https://h:8443/a/b", true),
            ("https://h/a%20b/%C3%A9", "https://h/a%20b/%C3%A9", true),
            ("https://h/a;v=1/b@c:d", "https://h/a;v=1/b@c:d", true),
            ("https://10.0.0.1", "https://10.0.0.1/", false),
            ("http://127.0.0.1:8080/token", "http://127.0.0.1:8080/token", true),
            ("http://127.0.0.2/", "http://127.0.0.2/", true),
            ("http://[::1]:8080", "http://[::1]:8080/", false),
            ("http://localhost/token", "http://localhost/token", true),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example/", false),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!((location.url.as_str(), location.has_path), (url, has_path), "{text}");
        }
    }

    #[test]
    fn a_url_that_can_be_read_in_two_ways_is_refused() {
        use UrlProblem::*;
        for (problem, texts) in [
            (
                Scheme,
                &["", "h", "h/token", "https:/h", "https:h", "ftp://h/", "javascript://h/"][..],
            ),
            (
                Character,
                &[
                    " https://h",
                    "https://h/a b",
                    "https://h\t/",
                    "https://h\\a",
                    "https://h/\u{7f}",
                ],
            ),
            (UserInformation, &["https://a@h/", "https://a:b@h", "https://h@evil/", "https://@h/"]),
            (Query, &["https://h?", "https://h/?a=b", "https://h/token?"]),
            (Fragment, &["https://h#", "https://h/#a", "https://h/?a#b"]),
            (
                Host,
                &[
                    "https://",
                    "https:///h/a",
                    "https://*.h/",
                    "https://*",
                    "https://h*/",
                    "https://:80/",
                ],
            ),
            (
                Host,
                &[
                    "https://h:x/",
                    "https://h:65536/",
                    "https://%68/",
                    "https://h./",
                    "https://a;b/",
                ],
            ),
            (
                Host,
                &[
                    "https://127.1/",
                    "https://2130706433/",
                    "https://0x7f.1/",
                    "https://0177.0.0.1/",
                ],
            ),
            (Host, &["https://\u{ff11}27.0.0.1/", "https://127.0.0.1./", "http://127.1:80"]),
            (Http, &["http://h", "http://10.0.0.1/", "http://localhost.h/", "http://a.localhost/"]),
            (Http, &["http://[::ffff:127.0.0.1]/", "http://169.254.169.254/"]),
            (
                Path,
                &[
                    "https://h/a/../b",
                    "https://h/..",
                    "https://h/./a",
                    "https://h/%2e%2e/b",
                    "https://h/%2E/b",
                ],
            ),
            (
                Path,
                &[
                    "https://h//",
                    "https://h//a",
                    "https://h/a//b",
                    "https://h/a%2fb",
                    "https://h/a%5Cb",
                ],
            ),
            (
                Path,
                &[
                    "https://h/%74oken",
                    "https://h/a%252e",
                    "https://h/a%00",
                    "https://h/a%",
                    "https://h/a%+1",
                ],
            ),
            (Path, &["https://h/\u{e9}", "https://h/a|b", "https://h/\"", "https://h/a%4"]),
            (
                Path,
                &["https://h/a/..;/b", "https://h/;a/b", "https://h/.%3Ba/b", "https://h/.../b"],
            ),
        ] {
            for text in texts {
                assert_eq!(Location::parse(text).err(), Some(problem), "{text}");
            }
        }
    }
}
