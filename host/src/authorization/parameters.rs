//! The parameters of an authorization request.

use std::collections::BTreeSet;

use url::Url;

use super::ExpectedParameter::{Either, OfSession, Text};
use super::{AuthorizationError, ExpectedParameter, Rules};

/// The parameters whose values are checked.
const CHECKED: [&str; 7] = [
    "response_type",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "nonce",
];

/// Parameters that are not allowed. With the first three, the provider takes the request from a place that the
/// host does not check (OpenID Connect Core 1.0, sections 6 and 7.2.1). The others are secrets.
const FORBIDDEN: [&str; 6] =
    ["request", "request_uri", "registration", "client_secret", "code_verifier", "password"];

/// The decoded names and values of a query.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query of `url`.
    ///
    /// # Errors
    /// Fails if servers may read the name of a parameter in different ways, or as one of those that the host checks.
    pub(super) fn of(url: &Url) -> Result<Self, AuthorizationError> {
        let query = url.query().unwrap_or_default();
        for part in query.split('&') {
            // Some servers also separate parameters with `;`.
            for (place, piece) in part.split(';').enumerate() {
                let Some((name, _)) = form_urlencoded::parse(piece.as_bytes()).next() else {
                    continue;
                };
                if !is_plain(&name) {
                    return Err(AuthorizationError::Name(name.into_owned()));
                }
                let known =
                    CHECKED.into_iter().chain(FORBIDDEN).find(|known| resembles(&name, known));
                if let Some(known) = known.filter(|known| place > 0 || name != *known) {
                    return Err(AuthorizationError::Disguised(known));
                }
            }
        }
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }

    /// Checks that the request is for a code, and for this run.
    pub(super) fn check(&self, rules: &Rules<'_>) -> Result<(), AuthorizationError> {
        if let Some(name) = FORBIDDEN.into_iter().find(|name| self.has(name)) {
            return Err(AuthorizationError::Forbidden(name));
        }
        let session = rules.session;
        self.require("response_type", Text("code"), |value| value == "code")?;
        self.require("redirect_uri", OfSession, |uri| uri == session.redirect_uri())?;
        self.require("state", OfSession, |state| session.state().matches(state))?;
        // A challenge that is not this run's would tie the code to somebody else's verifier.
        if rules.pkce || self.has("code_challenge") || self.has("code_challenge_method") {
            let is_challenge = |value: &str| value == session.code_challenge();
            self.require("code_challenge", OfSession, is_challenge)?;
            let is_method = |value: &str| value == "S256";
            self.require("code_challenge_method", Text("S256"), is_method)?;
        }
        // In a fragment, the response would not reach the listener.
        let is_mode = |value: &str| matches!(value, "query" | "form_post");
        self.allow("response_mode", Either("query", "form_post"), is_mode)?;
        self.allow("nonce", OfSession, |nonce| session.nonce().matches(nonce))
    }

    /// Returns whether there is a PKCE challenge.
    pub(super) fn has_challenge(&self) -> bool {
        self.has("code_challenge")
    }

    /// The words of `scope`, and of parameters such as Slack's `user_scope`. Spaces separate them (RFC 6749,
    /// section 3.3), and with some providers commas.
    pub(super) fn scopes(&self) -> Vec<String> {
        let scopes = self.0.iter().filter(|(name, _)| name == "scope" || name.ends_with("_scope"));
        let words = scopes.flat_map(|(_, value)| value.split([' ', ',']));
        let words: BTreeSet<_> = words.filter(|word| !word.is_empty()).collect();
        words.into_iter().map(str::to_owned).collect()
    }

    /// Checks a parameter that must occur exactly once.
    fn require(
        &self,
        name: &'static str,
        expected: ExpectedParameter,
        is_right: impl Fn(&str) -> bool,
    ) -> Result<(), AuthorizationError> {
        if self.has(name) {
            self.allow(name, expected, is_right)
        } else {
            Err(AuthorizationError::Missing { name, expected })
        }
    }

    /// Checks a parameter that may occur once.
    fn allow(
        &self,
        name: &'static str,
        expected: ExpectedParameter,
        is_right: impl Fn(&str) -> bool,
    ) -> Result<(), AuthorizationError> {
        let mut values = self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(AuthorizationError::Duplicate(name)),
            (Some(value), None) if !is_right(value) => {
                Err(AuthorizationError::Wrong { name, expected })
            }
            _ => Ok(()),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }
}

/// Returns whether `name` consists of ASCII letters, digits, `_` and `-`, perhaps with one key in brackets behind it, as
/// in `options[]`.
///
/// Servers repair other names, each in its own way. PHP reads `redirect[uri` and `redirect.uri` as `redirect_uri`, and
/// Rack and qs ignore some brackets.
fn is_plain(name: &str) -> bool {
    let is_word = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let (base, key) = match name.split_once('[') {
        Some((base, rest)) => (base, rest.strip_suffix(']')),
        None => (name, Some("")),
    };
    !base.is_empty() && is_word(base) && key.is_some_and(is_word)
}

/// Returns whether a server may read `name` as `known`. Only letters and digits count, in any case, with or without the
/// key in brackets: ASP.NET ignores case, and PHP reads `state[]` as a list of `state`.
fn resembles(name: &str, known: &str) -> bool {
    let letters =
        |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "").to_ascii_lowercase();
    let base = name.split('[').next().unwrap_or_default();
    [name, base].iter().any(|read| letters(read) == letters(known))
}
