//! ID tokens: form, signature and claims (OpenID Connect Core 1.0, section 3.1.3.7).
//!
//! This module does no I/O. The caller fetches the provider's keys, and passes the time.

mod claims;
mod json;
mod keys;
mod token;

use std::time::SystemTime;

pub use claims::{Claim, Claims};
pub use keys::Keys;

use crate::session::Secret;
use token::Token;

/// What an ID token must say, besides the nonce of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The exact `iss`. `{tenantid}` stands for the token's own `tid` (Microsoft Entra), so any tenant is accepted.
    pub issuer: String,
    /// The client identifier. `aud` contains it. A token for several audiences needs an `azp`, and `azp` must equal it if it is present.
    pub audience: String,
    /// The largest age of `auth_time`, in seconds.
    pub max_age: Option<u64>,
    /// The `sub` of an earlier token of this run, if there is one. This token must have the same (section 12.2).
    pub subject: Option<String>,
}

/// Why an ID token is not accepted. Contains nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The token is not a signed JSON Web Token in the compact form, or it is too long.
    #[error("the ID token is not a signed JSON Web Token")]
    Malformed,
    /// The signature algorithm is not RS256, PS256, ES256 or EdDSA.
    #[error(
        "unsupported signature algorithm of the ID token: expected RS256, PS256, ES256 or EdDSA"
    )]
    Algorithm,
    /// The provider's keys cannot be fetched or read.
    #[error("cannot read the provider's keys: expected a JWK set")]
    Keys,
    /// No key fits, or the signature is wrong.
    #[error("invalid signature of the ID token")]
    Signature,
    /// The token has another issuer.
    #[error("wrong issuer of the ID token")]
    Issuer,
    /// The token is for another client.
    #[error("wrong audience of the ID token: expected this client")]
    Audience,
    /// The token has expired, is not valid yet, was issued in the future, or lacks those times. Or the user signed in
    /// too long ago.
    #[error("the ID token is not valid at this time: check this computer's clock")]
    Time,
    /// The nonce is missing, or not that of this run.
    #[error("wrong nonce of the ID token: expected that of this run")]
    Nonce,
    /// The subject is missing or invalid, or not that of the earlier token.
    #[error("missing or wrong subject of the ID token")]
    Subject,
}

/// The error for an ID token that cannot be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// None of the keys fits the token. The provider may have a new key: fetch the keys again, and verify once more.
    #[error("unknown key of the ID token")]
    UnknownKey,
    /// The token is not accepted.
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<Unverified> for Problem {
    /// The problem if the keys are not fetched again.
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::UnknownKey => Self::Signature,
            Unverified::Problem(problem) => problem,
        }
    }
}

/// Checks an ID token, and returns its claims.
///
/// `nonce` is that of this run. Without `keys`, the signature is not checked: TLS may replace that check for a token
/// that came straight from the token endpoint (section 3.1.3.7, item 6). The algorithm must be a known one even then.
///
/// # Errors
/// [`Unverified::UnknownKey`] if newer keys may help. Otherwise what is wrong with the token.
pub fn verify(
    token: &str,
    expected: &Expectation,
    nonce: &Secret,
    now: SystemTime,
    keys: Option<&Keys>,
) -> Result<Claims, Unverified> {
    let token = Token::parse(token)?;
    if let Some(keys) = keys {
        keys.verify(&token)?;
    }
    Ok(Claims::check(token.claims()?, expected, nonce, now)?)
}

#[cfg(test)]
mod tests;
