//! The session of a test.

use super::{Setup, SetupError};
use crate::session::{Secret, Session};
use crate::testing::raw::AUTHORITY;

/// The session values that the test sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    redirect_uri: Option<String>,
    pub(super) state: Option<Secret>,
    nonce: Option<Secret>,
    code_verifier: Option<Secret>,
}

impl Setup {
    /// Sets a session value: `redirect-uri`, `state`, `nonce` or `code-verifier`. If `state` is set, the host checks
    /// it, as in a run.
    ///
    /// # Errors
    /// Fails if the name is unknown.
    pub fn session(&mut self, name: &str, value: &str) -> Result<&mut Self, SetupError> {
        let secret = Some(Secret::from(value.to_owned()));
        match name {
            "redirect-uri" => self.session.redirect_uri = Some(value.to_owned()),
            "state" => self.session.state = secret,
            "nonce" => self.session.nonce = secret,
            "code-verifier" => self.session.code_verifier = secret,
            _ => return Err(SetupError::Session(name.to_owned())),
        }
        Ok(self)
    }
}

/// Returns the session of the test. Values that the test does not set are fixed. The fixed verifier has the required 43
/// characters.
pub fn session(setup: &Setup) -> Session {
    let Values { redirect_uri, state, nonce, code_verifier } = setup.session.clone();
    let secret =
        |given: Option<Secret>, name: &str| given.unwrap_or_else(|| name.to_owned().into());
    Session::new(
        redirect_uri.unwrap_or_else(|| format!("http://{AUTHORITY}{}", setup.path.as_str())),
        secret(state, "state"),
        secret(nonce, "nonce"),
        secret(code_verifier, "code-verifier-code-verifier-code-verifier-0"),
    )
}
