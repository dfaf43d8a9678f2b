//! The token request (RFC 6749, section 4.1.3), and its answer.

use wasip2::clocks::wall_clock;

use super::Error;
use super::exchange::{self, Body, Credentials, Leaf, Method, Parameter, Value};
use super::secrets::{self, Secret};
use super::session;
use crate::{Reply, page};

/// A request that exchanges the code for tokens: a form, with the PKCE verifier of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    endpoint: String,
    parameters: Vec<(String, String)>,
    client_secret: Option<String>,
}

impl TokenRequest {
    /// Exchange `code` at `endpoint`.
    pub fn new(
        endpoint: impl Into<String>,
        client_id: impl Into<String>,
        code: impl Into<String>,
    ) -> Self {
        let request =
            Self { endpoint: endpoint.into(), parameters: Vec::new(), client_secret: None };
        request
            .parameter("grant_type", "authorization_code")
            .parameter("client_id", client_id)
            .parameter("code", code)
    }

    /// Send the secret that the person granted under this name, as `client_secret`. If there is none, the client is
    /// public.
    #[must_use]
    pub fn client_secret(mut self, name: impl Into<String>) -> Self {
        self.client_secret = Some(name.into());
        self
    }

    /// Add a parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Send the request. An answer with an error code or another status than 200 is an error.
    pub fn send(self) -> Result<Answer, Error> {
        let Self { endpoint: url, parameters, client_secret } =
            self.parameter("redirect_uri", session::redirect_uri());
        let client_secret = client_secret.and_then(|name| secrets::get(&name));
        let verifier = secrets::code_verifier();
        let parameter = |(name, value)| Parameter { name, value };
        let texts = parameters.into_iter().map(|(name, text)| (name, Value::Text(text)));
        let mut form: Vec<_> = texts.map(parameter).collect();
        form.push(parameter(("code_verifier".to_owned(), Value::Secret(&verifier))));
        if let Some(secret) = &client_secret {
            form.push(parameter(("client_secret".to_owned(), Value::Secret(secret))));
        }
        // Some providers answer in another format, or refuse requests without a user agent.
        let agent = concat!("curtaincall-guest/", env!("CARGO_PKG_VERSION"));
        let headers = [("accept", "application/json"), ("user-agent", agent)];
        let request = exchange::Request {
            method: Method::Post,
            url: url.clone(),
            query: Vec::new(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            credentials: Credentials::None,
            body: Body::Form(form),
        };
        let answer = exchange::send(&request).map_err(|why| Error::NoAnswer(url, why))?;
        match (answer.get("/error"), answer.status()) {
            (Some(Leaf::Text(error)), _) => Err(Error::Refused(error, None)),
            (None | Some(Leaf::Null), 200) => Ok(Answer(answer)),
            (_, status) => Err(Error::Status(status)),
        }
    }
}

/// The answer to a token request. Its tokens are handles: the guest cannot read them.
#[derive(Debug)]
pub struct Answer(exchange::Answer);

impl Answer {
    /// The value at a JSON Pointer (RFC 6901), if there is one.
    pub fn get(&self, pointer: &str) -> Option<Leaf> {
        self.0.get(pointer)
    }

    /// Put the secret member `name`, such as `id_token`, into the outcome, if the flow succeeds.
    pub fn hand_over(&self, name: &str) -> Result<(), Error> {
        let secret = self.secret(name).ok_or_else(|| Error::Missing(name.to_owned()))?;
        secret.hand_over(name).map_err(|why| Error::NotHandedOver(name.to_owned(), why))
    }

    /// Hand over `access_token`, and `refresh_token` if there is one.
    ///
    /// If the provider reports a lifetime, the outcome also contains `expires_at`, in seconds since 1970.
    pub fn signed_in(&self) -> Result<SignedIn, Error> {
        self.hand_over("access_token")?;
        if self.secret("refresh_token").is_some() {
            self.hand_over("refresh_token")?;
        }
        let signed_in = SignedIn::default();
        Ok(match self.get("/expires_in") {
            Some(Leaf::Number(seconds)) => {
                let now = wall_clock::now().seconds;
                signed_in.value("expires_at", now.saturating_add_signed(seconds).to_string())
            }
            _ => signed_in,
        })
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        match self.get(&format!("/{name}")) {
            Some(Leaf::Secret(secret)) => Some(secret),
            _ => None,
        }
    }
}

/// A completed sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignedIn {
    account: Option<String>,
    values: Vec<(String, String)>,
}

impl SignedIn {
    /// Name the account on the page.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Add a value to the outcome, besides those that were handed over.
    #[must_use]
    pub fn value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    pub(super) fn into_reply(self) -> Reply {
        let heading = match self.account {
            Some(account) => format!("Signed in as {account}"),
            None => "Signed in".to_owned(),
        };
        let page = page::succeeded(&heading, "The program now has access to your account.");
        Reply::success(page, self.values)
    }
}
