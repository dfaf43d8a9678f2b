//! What one run knows and a stranger must not guess: `state`, nonce and PKCE.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Random bytes in each secret: 256 bits, and a verifier of 43 characters (RFC 7636, section 4.1).
const SECRET_BYTES: usize = 32;

/// A value that never shows up in a log, an error or an event: its `Debug` is redacted.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// 256 random bits.
    pub(crate) fn random() -> Result<Self, SessionError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(SessionError)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The value itself, for the one place that has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compare in constant time.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct SessionError(#[source] getrandom::Error);

/// One run: where the callback goes, and the secrets that tie it to this run.
#[derive(Debug)]
pub struct Session {
    redirect_uri: String,
    state: Secret,
    nonce: Secret,
    code_verifier: Secret,
    code_challenge: String,
}

impl Session {
    /// Issue fresh secrets for the listener at `redirect_uri`.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn issue(redirect_uri: String) -> Result<Self, SessionError> {
        Ok(Self::new(redirect_uri, Secret::random()?, Secret::random()?, Secret::random()?))
    }

    /// A run with these values; the challenge is the verifier's.
    pub fn new(redirect_uri: String, state: Secret, nonce: Secret, code_verifier: Secret) -> Self {
        let digest = Sha256::digest(code_verifier.expose());
        let code_challenge = URL_SAFE_NO_PAD.encode(digest);
        Self { redirect_uri, state, nonce, code_verifier, code_challenge }
    }

    /// The redirect URI of the listener (RFC 8252, section 7.3).
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The `state` to send and to expect back (RFC 6749, section 10.12).
    pub fn state(&self) -> &Secret {
        &self.state
    }

    /// The OpenID Connect nonce.
    pub fn nonce(&self) -> &Secret {
        &self.nonce
    }

    /// The PKCE verifier, for the token request only (RFC 7636).
    pub fn code_verifier(&self) -> &Secret {
        &self.code_verifier
    }

    /// The PKCE challenge of that verifier, method S256.
    pub fn code_challenge(&self) -> &str {
        &self.code_challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_secrets_of_any_two_runs_are_alike() {
        let [a, b] =
            [(); 2].map(|()| Session::issue("http://127.0.0.1:1/callback".into()).unwrap());
        let all = [&a, &b].map(|s| [s.state(), s.nonce(), s.code_verifier()]);
        let mut values: Vec<_> = all.iter().flatten().map(|secret| secret.expose()).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 6);
    }

    #[test]
    fn the_verifier_is_one_that_rfc_7636_allows() {
        let session = Session::issue(String::new()).unwrap();
        let verifier = session.code_verifier().expose();
        assert_eq!(verifier.len(), 43);
        assert!(verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        let expected = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        assert_eq!(session.code_challenge(), expected);
    }

    #[test]
    fn debug_shows_no_secret() {
        let session = Session::issue("http://127.0.0.1:1/callback".into()).unwrap();
        let text = format!("{session:?}");
        for secret in [session.state(), session.nonce(), session.code_verifier()] {
            assert!(!text.contains(secret.expose()), "{text}");
        }
        assert!(text.contains("redacted"), "{text}");
    }

    #[test]
    fn a_secret_matches_itself_and_nothing_else() {
        let secret = Secret::random().unwrap();
        assert!(secret.matches(secret.expose()));
        for other in ["", "x", &secret.expose()[1..], &format!("{}x", secret.expose())] {
            assert!(!secret.matches(other), "{other}");
        }
    }
}
