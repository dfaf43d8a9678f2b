//! The secrets of one run, which must be unguessable: `state`, the nonce and the PKCE verifier.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The number of random bytes in each secret. 32 bytes give a PKCE verifier of 43 characters (RFC 7636, section 4.1).
const SECRET_BYTES: usize = 32;

/// A secret value. Its `Debug` output is redacted, so the value never appears in a log, an error or an event.
///
/// A clone shares the value. Its memory does not depend on the length, which a guest could otherwise measure.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Creates a secret of 256 random bits.
    pub(crate) fn random() -> Result<Self, SessionError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(SessionError)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// Returns the value itself, for the code that has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether the secret equals `other`. The comparison takes constant time.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<Arc<str>> for Secret {
    fn from(value: Arc<str>) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// The error if the operating system does not provide random bytes.
#[derive(Debug, thiserror::Error)]
#[error("cannot read random bytes from the operating system")]
pub struct SessionError(#[source] getrandom::Error);

/// The values of one run: the redirect URI, and the secrets that tie the callback to the run.
#[derive(Debug)]
pub struct Session {
    redirect_uri: String,
    state: Secret,
    nonce: Secret,
    code_verifier: Secret,
    code_challenge: String,
}

impl Session {
    /// Creates a session with fresh secrets for the listener at `redirect_uri`.
    ///
    /// # Errors
    /// Fails if the operating system does not provide random bytes.
    pub fn issue(redirect_uri: String) -> Result<Self, SessionError> {
        Ok(Self::new(redirect_uri, Secret::random()?, Secret::random()?, Secret::random()?))
    }

    /// Creates a session with fresh secrets for a redirect URI that leads to `port` of this machine. `state` begins with
    /// the port.
    ///
    /// `state` has 37 characters: five decimal digits, and 32 hexadecimal ones (128 random bits). A server at the
    /// redirect URI that keeps no state finds the port there. Some providers accept only letters and digits in `state`.
    ///
    /// # Errors
    /// Fails if the operating system does not provide random bytes.
    pub fn issue_for_port(redirect_uri: String, port: u16) -> Result<Self, SessionError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(SessionError)?;
        let state = format!("{port:05}{:032x}", u128::from_ne_bytes(bytes));
        Ok(Self::new(redirect_uri, state.into(), Secret::random()?, Secret::random()?))
    }

    /// Creates a session with these values. The challenge is computed from the verifier.
    pub fn new(redirect_uri: String, state: Secret, nonce: Secret, code_verifier: Secret) -> Self {
        let digest = Sha256::digest(code_verifier.expose());
        let code_challenge = URL_SAFE_NO_PAD.encode(digest);
        Self { redirect_uri, state, nonce, code_verifier, code_challenge }
    }

    /// Returns the redirect URI of the listener (RFC 8252, section 7.3).
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Returns the `state` that is sent to the provider, and that the callback must contain (RFC 6749, section 10.12).
    pub fn state(&self) -> &Secret {
        &self.state
    }

    /// Returns the OpenID Connect nonce.
    pub fn nonce(&self) -> &Secret {
        &self.nonce
    }

    /// Returns the PKCE verifier, for the token request only (RFC 7636).
    pub fn code_verifier(&self) -> &Secret {
        &self.code_verifier
    }

    /// Returns the PKCE challenge of the verifier, method S256.
    pub fn code_challenge(&self) -> &str {
        &self.code_challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_two_runs_all_differ() {
        let [a, b] =
            [(); 2].map(|()| Session::issue("http://127.0.0.1:1/callback".into()).unwrap());
        let all = [&a, &b].map(|s| [s.state(), s.nonce(), s.code_verifier()]);
        let mut values: Vec<_> = all.iter().flatten().map(|secret| secret.expose()).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 6);
    }

    #[test]
    fn a_state_for_a_port_has_the_port_and_128_random_bits() {
        let issue = |port| Session::issue_for_port(String::new(), port).unwrap();
        for (port, digits) in [(1024, "01024"), (43117, "43117"), (65535, "65535")] {
            let session = issue(port);
            let (start, random) = session.state().expose().split_at(5);
            assert_eq!(start, digits);
            assert_eq!(random.len(), 32);
            assert!(random.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        }
        assert_ne!(issue(1024).state().expose(), issue(1024).state().expose());
    }

    #[test]
    fn the_verifier_conforms_to_rfc_7636() {
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
    fn a_clone_of_a_secret_shares_its_value() {
        let secret = Secret::random().unwrap();
        assert!(std::ptr::eq(secret.expose(), secret.clone().expose()));
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
