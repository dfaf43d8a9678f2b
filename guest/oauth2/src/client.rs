//! The client: how it identifies itself to the provider.

use crate::config::Config;
use crate::failure::Failure;
use crate::host::{Credentials, Host, Parameters, Value};
use crate::metadata::Metadata;

/// How the client authenticates at the token endpoint (RFC 6749, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Authentication {
    /// The client has no secret.
    None,
    /// The client has no secret, and sends `Authorization: Basic` with an empty password.
    Empty,
    /// `Authorization: Basic`.
    Basic,
    /// The secret is a parameter of the request.
    Post,
}

/// The client that was registered with the provider.
pub(crate) struct Client<S> {
    pub(crate) id: String,
    pub(crate) secret: Option<S>,
    authentication: Authentication,
    /// Whether the identifier and the secret are form-encoded in `Authorization: Basic`.
    form_encoded: bool,
}

impl<S> Client<S> {
    pub(crate) fn read<H: Host<Secret = S>>(
        host: &H,
        config: &Config,
        metadata: &Metadata,
    ) -> Result<Self, Failure> {
        let id = config.required("client_id")?.to_owned();
        let secret = host.secret("client_secret");
        let authentication = authentication(config, metadata, secret.is_some())?;
        let encodings = [("form", true), ("plain", false)];
        let form_encoded = config.choice("basic_encoding", &encodings)?.unwrap_or(true);
        Ok(Self { id, secret, authentication, form_encoded })
    }

    /// The parameters that identify the client. With `Authorization: Basic` there are none.
    pub(crate) fn parameters(&self, config: &Config) -> Parameters<'_, S> {
        let mut parameters = Vec::new();
        if matches!(self.authentication, Authentication::None | Authentication::Post) {
            let name = config.get("name.client_id").unwrap_or("client_id");
            parameters.push((name.to_owned(), Value::Text(self.id.clone())));
        }
        if let (Authentication::Post, Some(secret)) = (self.authentication, &self.secret) {
            let name = config.get("name.client_secret").unwrap_or("client_secret");
            parameters.push((name.to_owned(), Value::Secret(secret)));
        }
        parameters
    }

    /// The `Authorization` header.
    pub(crate) fn credentials(&self) -> Credentials<'_, S> {
        let password = match (self.authentication, &self.secret) {
            (Authentication::Basic, Some(secret)) => Value::Secret(secret),
            (Authentication::Empty, _) => Value::Text(String::new()),
            _ => return Credentials::None,
        };
        Credentials::Basic { username: &self.id, password, form_encoded: self.form_encoded }
    }
}

/// `client_auth` lists the methods that the provider accepts, of clients with and without a secret. Without it, the
/// method for clients with a secret is the discovered one, or `post`.
fn authentication(
    config: &Config,
    metadata: &Metadata,
    has_secret: bool,
) -> Result<Authentication, Failure> {
    let Some(list) = config.get("client_auth") else {
        let discovered = metadata.authentication.unwrap_or(Authentication::Post);
        return Ok(if has_secret { discovered } else { Authentication::None });
    };
    let accepted = list
        .split_ascii_whitespace()
        .map(|word| match word {
            "none" => Ok(Authentication::None),
            "empty" => Ok(Authentication::Empty),
            "basic" => Ok(Authentication::Basic),
            "post" => Ok(Authentication::Post),
            _ => Err(Failure::invalid("client_auth", list, "`none`, `empty`, `basic` or `post`")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let needs_secret =
        |method: &&Authentication| matches!(method, Authentication::Basic | Authentication::Post);
    let with_secret = accepted.iter().find(needs_secret).filter(|_| has_secret);
    let chosen = with_secret.or_else(|| accepted.iter().find(|method| !needs_secret(method)));
    chosen.copied().ok_or_else(|| Failure::no_secret("this provider requires it"))
}
