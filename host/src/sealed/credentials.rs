//! The `Authorization` header of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::body::form_encoded;
use super::permit::Permit;
use super::{ExchangeError, Held, Value};

/// The name under which a grant must list the user name of `Basic`, if that is a secret.
const USERNAME: &str = "client_id";
/// The name under which a grant must list the password of `Basic`.
const PASSWORD: &str = "client_secret";
/// The name under which a grant must list a `Bearer` token.
const BEARER: &str = "access_token";

/// How a client says who it is.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Not in the header.
    None,
    /// `Basic` (RFC 7617).
    Basic {
        /// The client identifier. As a secret, it counts as `client_id`.
        username: Value,
        /// The client secret. It counts as `client_secret`.
        password: Value,
        /// Whether both are form-encoded first, as RFC 6749, section 2.3.1 says.
        form_encoded: bool,
    },
    /// `Bearer` (RFC 6750). It counts as `access_token`.
    Bearer(Held),
}

impl Credentials {
    /// The value of the `Authorization` header.
    pub(super) fn build(
        &self,
        permit: &mut Permit<'_>,
    ) -> Result<Option<HeaderValue>, ExchangeError> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Basic { username, password, form_encoded: encodes } => {
                // RFC 7617, section 2: the user name ends at the first colon.
                let is_name = |c: char| c != ':' && !c.is_control();
                let is_valid = *encodes
                    || (has_only(username, is_name) && has_only(password, |c| !c.is_control()));
                if !is_valid {
                    return Err(ExchangeError::InvalidRequest);
                }
                let encode =
                    |text: &str| if *encodes { form_encoded(text) } else { text.to_owned() };
                let username = permit.place(USERNAME, username, encode)?;
                let password = permit.place(PASSWORD, password, encode)?;
                format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
            }
            Self::Bearer(token) => {
                let token = permit.place(BEARER, &Value::Secret(token.clone()), str::to_owned)?;
                if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ExchangeError::InvalidRequest);
                }
                format!("Bearer {token}")
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| ExchangeError::InvalidRequest)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Whether the guest's own text has only these characters. An error must not depend on a secret, which Base64 makes
/// harmless anyway.
fn has_only(value: &Value, allowed: impl Fn(char) -> bool) -> bool {
    match value {
        Value::Text(text) => text.chars().all(allowed),
        Value::Secret(_) => true,
    }
}
