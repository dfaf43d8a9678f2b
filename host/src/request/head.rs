//! The checks that need only the head of a request.

use hyper::Method;
use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::http::request::Parts;

use super::{Refusal, Rules, Target};
use crate::session::Secret;

impl Rules {
    pub(super) fn check_head(&self, head: &Parts) -> Result<Target, Refusal> {
        if !self.names_this_listener(head) {
            return Err(Refusal::Host);
        }
        let target = self.target(head.uri.path()).ok_or(Refusal::Path)?;
        if !matches!(head.method, Method::GET | Method::POST) {
            return Err(Refusal::Method);
        }
        if is_prefetch(&head.headers) {
            return Err(Refusal::Prefetch);
        }
        if !is_navigation(&head.headers) {
            return Err(Refusal::NotNavigation);
        }
        Ok(target)
    }

    fn target(&self, path: &str) -> Option<Target> {
        let is = |known: &Option<Secret>| known.as_ref().is_some_and(|known| known.matches(path));
        match path {
            path if path == self.path.as_str() => Some(Target::Callback),
            _ if is(&self.link) => Some(Target::Link),
            _ if is(&self.last_page) => Some(Target::LastPage),
            _ => None,
        }
    }

    /// Returns whether exactly one `Host` names a bound address. The authority of a target in absolute form, if any,
    /// must name one too (RFC 9112, section 3.2.2).
    fn names_this_listener(&self, head: &Parts) -> bool {
        let mut hosts = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        host.to_str().is_ok_and(|host| self.is_ours(host))
            && head.uri.authority().is_none_or(|named| self.is_ours(named.as_str()))
    }

    /// Returns whether `authority` names this listener, with or without the default port of the scheme, which browsers
    /// leave out.
    pub(super) fn is_ours(&self, authority: &str) -> bool {
        let port = format!(":{}", self.scheme.default_port());
        self.authorities.iter().any(|known| {
            let bare = known.strip_suffix(&port).unwrap_or(known);
            [known, bare].iter().any(|name| name.eq_ignore_ascii_case(authority))
        })
    }
}

/// Returns whether the browser prefetches the page. `Sec-Purpose` (Fetch) is a list with parameters, such as
/// `prefetch;prerender`. `Purpose` is its predecessor.
fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz"].into_iter().any(|name| {
        headers.get_all(HeaderName::from_static(name)).iter().any(|value| {
            let value = value.as_bytes().to_ascii_lowercase();
            [&b"prefetch"[..], b"prerender", b"preview"]
                .iter()
                .any(|word| value.windows(word.len()).any(|window| window == *word))
        })
    })
}

/// Returns whether the navigation of a tab sent the request. Clients that send no Fetch Metadata header fields are
/// accepted.
fn is_navigation(headers: &HeaderMap) -> bool {
    let says = |name: &'static str, word: &[u8]| {
        headers.get_all(HeaderName::from_static(name)).iter().all(|value| value.as_bytes() == word)
    };
    says("sec-fetch-mode", b"navigate") && says("sec-fetch-dest", b"document")
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;
    use crate::request::Scheme;

    /// Browsers leave out the default port of the scheme only.
    #[test]
    fn host_may_lack_the_default_port_of_the_scheme() {
        let accepted = |scheme, port: u16, host: &str| {
            let rules = Rules {
                scheme,
                authorities: vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")],
                path: "/callback".parse().unwrap(),
                state: None,
                issuer: None,
                link: None,
                last_page: None,
            };
            let (head, ()) = Request::get("/").header(HOST, host).body(()).unwrap().into_parts();
            rules.names_this_listener(&head)
        };
        for (scheme, port) in [(Scheme::Http, 80), (Scheme::Https, 443)] {
            for host in ["localhost", "LOCALHOST", "127.0.0.1"] {
                assert!(accepted(scheme, port, host), "{host}");
                assert!(accepted(scheme, port, &format!("{host}:{port}")), "{host}");
                assert!(!accepted(scheme, 523 - port, host), "{host}");
                assert!(!accepted(scheme, 8080, host), "{host}");
            }
        }
    }
}
