//! The checks that need the head of a request only.

use hyper::Method;
use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::http::request::Parts;

use super::{Refusal, Rules, Target};
use crate::session::Secret;

impl Rules {
    pub(super) fn check_head(&self, head: &Parts) -> Result<Target, Refusal> {
        if !self.is_for_us(head) {
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
            _ if is(&self.page) => Some(Target::Page),
            _ => None,
        }
    }

    /// Exactly one `Host`, and the authority of an absolute-form target (RFC 9112, section 3.2.2)
    /// if there is one, must name a bound address.
    fn is_for_us(&self, head: &Parts) -> bool {
        let ours = |authority: &str| {
            self.authorities
                .iter()
                .any(|known| known.eq_ignore_ascii_case(authority) || is_bare(known, authority))
        };
        let mut hosts = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        host.to_str().is_ok_and(ours)
            && head.uri.authority().is_none_or(|named| ours(named.as_str()))
    }
}

/// On port 80 a browser leaves the port out.
fn is_bare(known: &str, authority: &str) -> bool {
    known.strip_suffix(":80").is_some_and(|bare| bare.eq_ignore_ascii_case(authority))
}

/// `Sec-Purpose` (Fetch) is a list with parameters, e.g. `prefetch;prerender`; `Purpose` is its predecessor.
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

/// A browser that tells (Fetch Metadata) has to say that a tab navigates here.
fn is_navigation(headers: &HeaderMap) -> bool {
    let says = |name: &'static str, word: &[u8]| {
        headers.get_all(HeaderName::from_static(name)).iter().all(|value| value.as_bytes() == word)
    };
    says("sec-fetch-mode", b"navigate") && says("sec-fetch-dest", b"document")
}
