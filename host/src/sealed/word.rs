//! Which values of a sealed answer a guest may read: those that look like what belongs in their place.
//!
//! An endpoint may repeat what it was sent anywhere in its answer, so the place of a value proves nothing. There are
//! two kinds of readable values:
//!
//! - Values from a list that the guest knows anyway: the registered token types and error codes, the usual lifetimes,
//!   and the scopes that the guest itself asked for. The guest can read them whatever secrets there are.
//! - Values of the right form. The guest can read them only while no answer of the run has repeated a secret: see
//!   [`super::vault`].
//!
//! The second check alone would not do. A guest could ask for the scopes `aaaa`, `aaab` and so on of a provider that
//! repeats unknown scopes. It would learn, from which of them it can read, which are a part of a secret.

use std::collections::HashSet;

use super::json::Node;
use super::place::Place;
use crate::grants::{Endpoint, is_never_readable, pointer};
use crate::visible::visible;

/// The size limit on a value that only a grant makes readable, in bytes.
const LISTED_LIMIT: usize = 256;

/// The size limit on an unknown error code, in bytes.
const ERROR_LIMIT: usize = 64;

/// The number of digits in the largest readable number. A time in seconds since 1970 has ten until the year 2286.
const DIGITS: usize = 10;

/// Token types: the IANA registry "OAuth Access Token Types", and those of Slack (`bot`, `user`) and others.
pub const TOKEN_TYPES: [&str; 8] = ["bearer", "bot", "dpop", "mac", "n_a", "pop", "token", "user"];

/// Error codes: the IANA registry "OAuth Extensions Error", RFC 6749, RFC 6750, OpenID Connect Core 1.0, and GitHub.
pub const ERRORS: [&str; 36] = [
    "access_denied",
    "account_selection_required",
    "authorization_pending",
    "bad_verification_code",
    "consent_required",
    "expired_token",
    "incorrect_client_credentials",
    "insufficient_scope",
    "insufficient_user_authentication",
    "interaction_required",
    "invalid_authorization_details",
    "invalid_client",
    "invalid_client_metadata",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_redirect_uri",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "login_required",
    "redirect_uri_mismatch",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unmet_authentication_requirements",
    "unsupported_grant_type",
    "unsupported_response_type",
    "unsupported_token_type",
    "use_dpop_nonce",
];

/// Usual lifetimes in seconds: from one minute to a year. Some providers write one second less.
pub const LIFETIMES: [u64; 22] = [
    60, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 28_800, 36_000, 43_200,
    86_400, 604_800, 1_209_600, 2_592_000, 5_184_000, 7_776_000, 15_552_000, 31_536_000,
];

/// Whether a guest may read a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is from a list that the guest knows.
    Known,
    /// It is an error code or a lifetime of the right form, and may still be a secret.
    Code,
    /// It is a value that the grant lists, and may still be a secret.
    Listed,
    /// It can only be a secret.
    Secret,
}

/// The rules for the answer to one request.
pub(super) struct Rules {
    endpoint: Endpoint,
    scopes: HashSet<String>,
}

impl Rules {
    /// `scopes` are the words that the guest itself asked for.
    pub(super) fn new(endpoint: Endpoint, scopes: &[String]) -> Self {
        Self { endpoint, scopes: scopes.iter().cloned().collect() }
    }

    /// Returns whether the guest may read the string or number `node` at `path`.
    pub(super) fn trust(&self, path: &[String], place: Place<'_>, node: &Node) -> Trust {
        let (text, is_number) = match node {
            Node::Text(text) => (text, false),
            Node::Number(text) => (text, true),
            _ => return Trust::Known,
        };
        let name = place.name.unwrap_or_default();
        let in_place = match name {
            "scope" if self.are_scopes(text) => Trust::Known,
            _ if place.is_item => Trust::Secret,
            "token_type" if is_one_of(&TOKEN_TYPES, text) => Trust::Known,
            "error" => trust_error(text),
            _ if is_time(name) => trust_time(text),
            _ => Trust::Secret,
        };
        let is_listed = || {
            self.endpoint.reads(&pointer::join(path), name)
                && !path.iter().any(|name| is_never_readable(name))
        };
        if in_place == Trust::Secret && is_listed() {
            trust_listed(text, is_number)
        } else {
            in_place
        }
    }

    /// Returns whether the guest asked for every word of `text`. GitHub and others separate them by commas.
    fn are_scopes(&self, text: &str) -> bool {
        text.split([' ', ','])
            .filter(|word| !word.is_empty())
            .all(|word| self.scopes.contains(word))
    }
}

fn is_one_of(list: &[&str], text: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(text))
}

fn trust_error(text: &str) -> Trust {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if ERRORS.contains(&text) {
        Trust::Known
    } else if text.len() <= ERROR_LIMIT && text.split(['_', '-']).all(is_word) {
        Trust::Code
    } else {
        Trust::Secret
    }
}

fn trust_time(text: &str) -> Trust {
    if !is_short_number(text) {
        return Trust::Secret;
    }
    let is_usual =
        |number: u64| LIFETIMES.iter().any(|&usual| number == usual || number == usual - 1);
    if text.parse().is_ok_and(is_usual) { Trust::Known } else { Trust::Code }
}

fn trust_listed(text: &str, is_number: bool) -> Trust {
    let fits = if is_number {
        text.parse::<i64>().is_ok()
    } else {
        !text.is_empty() && text.len() <= LISTED_LIMIT && visible(text) == text
    };
    if fits { Trust::Listed } else { Trust::Secret }
}

/// Returns whether `name` is that of a lifetime or a time, such as `expires_in` and `refresh_token_expires_in`.
pub(super) fn is_time(name: &str) -> bool {
    name.starts_with("expires") || name.ends_with("expires_in")
}

/// Returns whether `name` is that of a token or another secret that a provider issues, such as `access_token`.
///
/// `code` is not one: the guest may read the authorization code, and many providers name their error codes so.
pub(super) fn is_token(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_issued = ["token", "secret"].iter().any(|end| name.ends_with(end));
    is_issued || ["device_code", "code_verifier"].contains(&&*name)
}

/// Returns whether `text` is a whole number of at most ten digits.
pub(super) fn is_short_number(text: &str) -> bool {
    (1..=DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
