//! The checks on the parameters of an authorization response, in the query or in a form body.

use std::borrow::Cow;

use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;

use super::{Refusal, Rules};

/// Parameters that must not occur more than once (RFC 6749, section 3.1).
pub(super) const SINGLE: [&str; 4] = ["code", "state", "error", "iss"];

/// Parameters that an authorization response must not have. The host asks for a code, never for a token: a token in a
/// URL is in the history of the browser, and its signature alone does not bind it to this run.
pub(super) const TOKENS: [&str; 2] = ["access_token", "id_token"];

impl Rules {
    pub(super) fn check_parameters(&self, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let query = head.uri.query().unwrap_or_default();
        let form: &[u8] = if is_form(head) { body } else { b"" };
        let parameters =
            || form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        let find = |name: &str| -> Option<Cow<'_, str>> {
            parameters().find_map(|(key, value)| (key == name).then_some(value))
        };
        if let Some(name) =
            SINGLE.into_iter().find(|name| parameters().filter(|(key, _)| key == name).count() > 1)
        {
            return Err(Refusal::RepeatedParameter(name));
        }
        if TOKENS.into_iter().any(|name| find(name).is_some()) {
            return Err(Refusal::FrontChannelToken);
        }
        if let Some(state) = &self.state
            && !find("state").is_some_and(|given| state.matches(&given))
        {
            return Err(Refusal::State);
        }
        // Issuers are compared as strings, without normalization: RFC 9207, section 2.4.
        if let Some(issuer) = &self.issuer
            && find("iss").as_deref() != Some(issuer)
        {
            return Err(Refusal::Issuer);
        }
        Ok(())
    }
}

/// Returns whether the body is a form (OAuth 2.0 Form Post Response Mode).
///
/// The type may occur anywhere in any `Content-Type` field, because the host does not know how strictly the guest
/// reads it.
fn is_form(head: &Parts) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    head.headers.get_all(CONTENT_TYPE).iter().any(|value| {
        value.as_bytes().windows(FORM.len()).any(|window| window.eq_ignore_ascii_case(FORM))
    })
}
