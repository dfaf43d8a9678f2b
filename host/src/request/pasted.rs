//! The address of a callback, pasted as text, as the request that a browser would have sent.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::header::HOST;
use url::{Position, Url};

use super::parameters::{SINGLE, TOKENS};
use super::{HEAD_LIMIT, Refusal, Rules, sentence};

/// The reason why a flow did not accept a pasted text. Never contains any part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasteError {
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// The text is longer than the head of a request may be.
    #[error("the text is longer than {} KiB", HEAD_LIMIT >> 10)]
    TooLong,
    /// The text contains a space or a control character.
    #[error("the text contains a space or a control character, and so is not one address")]
    Character,
    /// The text is the address of another page.
    #[error("this is not the address of the callback, which starts with `{expected}`")]
    #[non_exhaustive]
    OtherAddress {
        /// The redirect URI of the flow.
        expected: String,
    },
    /// The text is a code, and the flow also requires `state` or `iss`.
    #[error("a code alone is not enough: paste the whole address, which starts with `{expected}`")]
    #[non_exhaustive]
    CodeAlone {
        /// The redirect URI of the flow.
        expected: String,
    },
    /// The callback violates a rule that every request must follow.
    #[error("{}", reason(*.0))]
    Refused(Refusal),
    /// The guest failed. An event contains the reason.
    #[error("the guest failed")]
    GuestFailed,
    /// The flow ended first.
    #[error("the run has ended")]
    Ended,
}

fn reason(refusal: Refusal) -> String {
    match refusal {
        Refusal::State => {
            "this is not the response to the sign-in that was started here".to_owned()
        }
        Refusal::Issuer => "this is not a response of the expected provider".to_owned(),
        Refusal::RepeatedParameter(name) => format!("the address contains `{name}` more than once"),
        Refusal::FrontChannelToken => "the address contains a token instead of a code".to_owned(),
        Refusal::AlreadyDone => "the browser has already completed the sign-in".to_owned(),
        other => sentence(other).to_owned(),
    }
}

impl Rules {
    /// Returns the request that a browser would have sent for the pasted `text`, to be checked like any other.
    ///
    /// The text is the whole address, its query alone, or a bare code if nothing else is required. Spaces, quotes and
    /// brackets around it are ignored, and so are the line breaks of a program that wrapped it.
    ///
    /// # Errors
    /// Fails if the text is not the address of this callback.
    pub(crate) fn pasted(
        &self,
        text: &str,
        redirect_uri: &str,
    ) -> Result<Request<Empty<Bytes>>, PasteError> {
        if text.len() > HEAD_LIMIT {
            return Err(PasteError::TooLong);
        }
        let text = unwrapped(text);
        let text = text.as_str();
        if text.is_empty() {
            return Err(PasteError::Empty);
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(PasteError::Character);
        }
        let expected = || redirect_uri.to_owned();
        let other_address = || PasteError::OtherAddress { expected: expected() };
        let query = if let Some(address) = self.address(text, redirect_uri) {
            let url = Url::parse(&address).map_err(|_| other_address())?;
            if !self.is_callback(&url, redirect_uri) {
                return Err(other_address());
            }
            url.query().unwrap_or_default().to_owned()
        } else if let Some(query) = query(text) {
            query.to_owned()
        } else if text.contains('?') {
            // An address without its scheme, of another page.
            return Err(other_address());
        } else if self.state.is_some() || self.issuer.is_some() {
            return Err(PasteError::CodeAlone { expected: expected() });
        } else {
            code(text)
        };
        // Like a browser, this encodes what a query must not contain.
        let mut url = Url::parse(redirect_uri).map_err(|_| other_address())?;
        url.set_query(Some(&query));
        let target = format!("{}?{}", self.path.as_str(), url.query().unwrap_or_default());
        let authority = authority(&url);
        // The target is valid, unless it is longer than a target can be.
        Request::get(target)
            .header(HOST, authority)
            .body(Empty::new())
            .map_err(|_| PasteError::TooLong)
    }

    /// Returns `text` if it is an address, or looks like one of this flow without the scheme, which some browsers hide.
    fn address(&self, text: &str, redirect_uri: &str) -> Option<String> {
        let is_scheme =
            |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) {
            return Some(text.to_owned());
        }
        let ours = Url::parse(redirect_uri).ok();
        let ours = ours.as_ref().map(authority);
        let mut known = self.authorities.iter().map(String::as_str).chain(ours);
        let host = text.split(['/', '?']).next().unwrap_or_default();
        known.any(|known| known.eq_ignore_ascii_case(host)).then(|| format!("http://{text}"))
    }

    /// Returns whether `url` is the redirect URI, or the address at which this flow listens.
    fn is_callback(&self, url: &Url, redirect_uri: &str) -> bool {
        if !matches!(url.scheme(), "http" | "https")
            || url[Position::BeforeUsername..Position::BeforeHost].contains('@')
        {
            return false;
        }
        let listens = self.is_ours(authority(url));
        let place = |url: &Url| url[Position::BeforeHost..Position::AfterPath].to_owned();
        listens && url.path() == self.path.as_str()
            || Url::parse(redirect_uri).is_ok_and(|expected| place(&expected) == place(url))
    }
}

/// Returns the host and the port of a URL, as a browser sends them in `Host`.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Returns `text` without line breaks, and without the spaces, quotes and brackets around it.
fn unwrapped(text: &str) -> String {
    let text = text.trim().replace(['\r', '\n'], "");
    let mut rest = text.as_str();
    for (open, close) in [('<', '>'), ('"', '"'), ('\'', '\''), ('`', '`')] {
        let inside = rest.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        rest = inside.unwrap_or(rest).trim();
    }
    rest.to_owned()
}

/// Returns the query in `text`, if it is a query alone: one that begins with `?`, or has a parameter of an authorization
/// response.
fn query(text: &str) -> Option<&str> {
    let whole = text.split('#').next().unwrap_or_default();
    if let Some(query) = whole.strip_prefix('?') {
        return Some(query);
    }
    let is_known = |name: &str| SINGLE.contains(&name) || TOKENS.contains(&name);
    let is_name = |name: &str| !name.contains(['/', ':', '?', '[', ']']);
    let mut names =
        whole.split('&').filter_map(|parameter| parameter.split_once('=')).map(|(name, _)| name);
    let is_query = names.clone().all(is_name) && names.any(is_known);
    is_query.then_some(whole)
}

/// Returns the query for a bare code. A code with `%` was copied from an address, where it is already encoded.
fn code(text: &str) -> String {
    // Meta adds these to its redirects.
    let code = ["#_=_", "#_"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    if code.contains('%') {
        return format!("code={code}");
    }
    let encoded: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
    format!("code={encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Scheme;
    use crate::session::Secret;

    const OURS: &str = "http://127.0.0.1:43117/callback";

    fn rules(state: bool) -> Rules {
        Rules {
            scheme: Scheme::Http,
            authorities: vec!["127.0.0.1:43117".to_owned(), "localhost:43117".to_owned()],
            path: "/callback".parse().unwrap(),
            state: state.then(|| Secret::from("s".to_owned())),
            issuer: None,
            link: None,
            last_page: None,
        }
    }

    fn target(text: &str, state: bool) -> Result<String, PasteError> {
        let request = rules(state).pasted(text, OURS)?;
        assert_eq!(request.headers()[HOST], "127.0.0.1:43117");
        Ok(request.uri().to_string())
    }

    #[test]
    fn the_address_of_the_callback_becomes_its_request() {
        for text in [
            "http://127.0.0.1:43117/callback?code=a&state=s",
            "  http://127.0.0.1:43117/callback?code=a&state=s\r\n",
            "\"http://127.0.0.1:43117/callback?code=a&state=s\"",
            "<http://127.0.0.1:43117/callback?code=a&state=s>",
            "'http://127.0.0.1:43117/callback?code=a&state=s' ",
            "http://127.0.0.1:43117/callback?code=a\n&sta\r\nte=s",
            "http://127.0.0.1:43117/callback?code=a&state=s#_",
            "http://127.0.0.1:43117/callback?code=a&state=s#_=_",
            "HTTP://LocalHost:43117/callback?code=a&state=s",
            "https://127.0.0.1:43117/callback?code=a&state=s",
            "127.0.0.1:43117/callback?code=a&state=s",
            "?code=a&state=s",
            "code=a&state=s#_",
        ] {
            assert_eq!(target(text, true).unwrap(), "/callback?code=a&state=s", "{text}");
        }
    }

    #[test]
    fn a_query_is_encoded_as_in_a_browser() {
        let text = "http://127.0.0.1:43117/callback?code=a/b+c%20\"é\"";
        assert_eq!(target(text, true).unwrap(), "/callback?code=a/b+c%20%22%C3%A9%22");
        assert_eq!(target(OURS, true).unwrap(), "/callback?");
    }

    #[test]
    fn a_bare_code_is_enough_only_if_nothing_else_is_required() {
        assert_eq!(target("4/0Ab+c=", false).unwrap(), "/callback?code=4%2F0Ab%2Bc%3D");
        assert_eq!(target("4%2F0Ab", false).unwrap(), "/callback?code=4%2F0Ab");
        assert_eq!(target("abc#_", false).unwrap(), "/callback?code=abc");
        assert_eq!(target("code=a&x=b:c?d", false).unwrap(), "/callback?code=a&x=b:c?d");
        let other = target("localhost:9999/callback?code=abc", false);
        assert!(matches!(other, Err(PasteError::OtherAddress { .. })));
        let expected = OURS.to_owned();
        assert_eq!(target("abc", true), Err(PasteError::CodeAlone { expected }));
        let rules = Rules { issuer: Some("https://idp.example".to_owned()), ..rules(false) };
        assert!(matches!(rules.pasted("abc", OURS), Err(PasteError::CodeAlone { .. })));
    }

    #[test]
    fn another_address_is_refused_and_not_repeated() {
        for text in [
            "http://127.0.0.1:43118/callback?code=secret",
            "http://127.0.0.1:43117/other?code=secret",
            "http://127.0.0.1:43117/callback/?code=secret",
            "http://127.0.0.1/callback?code=secret",
            "https://idp.example/callback?code=secret",
            "http://127.0.0.1:43117@idp.example/callback?code=secret",
            "http://user@127.0.0.1:43117/callback?code=secret",
            "http://127.0.0.1:43117.idp.example/callback?code=secret",
            "ftp://127.0.0.1:43117/callback?code=secret",
            "javascript://127.0.0.1:43117/callback?code=secret",
            "://secret",
            "idp.example/callback?code=secret&state=s",
            "idp.example?code=secret&state=s",
            "localhost:9999/callback?error=secret&state=s",
            "localhost:9999/callback?x=y&code=secret",
            "[200~http:?code=secret&state=s",
            "http://[secret",
            "http://",
        ] {
            let error = target(text, true).unwrap_err();
            assert_eq!(error, PasteError::OtherAddress { expected: OURS.to_owned() }, "{text}");
            assert!(error.to_string().contains(OURS) && !error.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_redirect_uri_elsewhere_is_accepted_as_well_as_the_listener() {
        let rules = rules(true);
        for text in [
            "https://login.example.org/back?code=a",
            "https://LOGIN.example.org:443/back?code=a#_",
            "http://127.0.0.1:43117/callback?code=a",
        ] {
            let request = rules.pasted(text, "https://login.example.org/back").unwrap();
            assert_eq!(request.uri(), "/callback?code=a", "{text}");
            assert_eq!(request.headers()[HOST], "login.example.org");
        }
        for (uri, text, host) in [
            (
                "https://login.example.org?app=1",
                "https://login.example.org/?app=1&code=a",
                "login.example.org",
            ),
            (
                "https://login.example.org:0443/back",
                "https://login.example.org/back?code=a",
                "login.example.org",
            ),
            (
                "https://b\u{fc}cher.example/back",
                "https://b\u{fc}cher.example/back?code=a",
                "xn--bcher-kva.example",
            ),
            (
                "https://login.example.org:8443/back",
                "login.example.org:8443/back?code=a",
                "login.example.org:8443",
            ),
        ] {
            let request = rules.pasted(text, uri).unwrap();
            assert_eq!(request.headers()[HOST], host);
            assert!(request.uri().query().is_some_and(|query| query.ends_with("code=a")));
        }
        let other = rules
            .pasted("https://login.example.org/callback?code=a", "https://login.example.org/back");
        assert!(matches!(other, Err(PasteError::OtherAddress { .. })));
    }

    #[test]
    fn a_text_that_is_no_address_is_refused_with_a_reason() {
        for text in ["", " \r\n ", "\"\"", "<>"] {
            assert_eq!(target(text, false), Err(PasteError::Empty), "{text:?}");
        }
        for text in ["a b", "a\u{1b}[31mb", "a\0b", "a\tb", "code=a\u{7f}", "a\u{2028}b"] {
            assert_eq!(target(text, false), Err(PasteError::Character), "{text:?}");
        }
        for text in ["x".repeat(1 << 20), format!("{OURS}?{}", "é".repeat(20_000))] {
            assert_eq!(target(&text, false), Err(PasteError::TooLong), "{}", text.len());
        }
        let long = format!("{OURS}?code={}", "x".repeat(60_000));
        assert_eq!(target(&long, false).unwrap().len(), "/callback?code=".len() + 60_000);
    }
}
