//! The address of one receiver, and the codes for it.

use std::io;
use std::time::Duration;

use http::{Response, Uri};

use crate::client::{self, Client, invalid};
use crate::endpoint::Endpoint;
use crate::torture::Receiver;
use crate::trust::Trust;

/// The codes for one receiver. They are random, so that no receiver prints them by chance.
pub(crate) struct Codes {
    /// The code of the legitimate callback.
    pub(crate) good: String,
    /// The code of every forged callback.
    pub(crate) evil: String,
}

impl Codes {
    fn random() -> io::Result<Self> {
        let word = random_word()?;
        Ok(Self { good: format!("good{word}"), evil: format!("evil{word}") })
    }
}

/// 128 random bits in hexadecimal.
pub(crate) fn random_word() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The address of one receiver, and what it expects.
pub(crate) struct Target {
    pub(crate) redirect_uri: Uri,
    pub(crate) codes: Codes,
    state: Option<String>,
    issuer: Option<String>,
    endpoint: Endpoint,
    trust: Trust,
    deadline: Duration,
}

impl Target {
    pub(crate) fn of(
        receiver: &impl Receiver,
        trust: &Trust,
        deadline: Duration,
    ) -> io::Result<Self> {
        let uri = receiver.redirect_uri();
        let explain = |problem: String| invalid(format!("invalid redirect URI `{uri}`: {problem}"));
        let redirect_uri: Uri =
            uri.parse().map_err(|e: http::uri::InvalidUri| explain(e.to_string()))?;
        let endpoint = Endpoint::of(&redirect_uri, trust).map_err(|e| explain(e.to_string()))?;
        Ok(Self {
            redirect_uri,
            codes: Codes::random()?,
            state: receiver.state().map(str::to_owned),
            issuer: receiver.issuer().map(str::to_owned),
            endpoint,
            trust: trust.clone(),
            deadline,
        })
    }

    /// Connect as a browser does. Over TLS, this includes the handshake.
    pub(crate) fn connect(&self) -> io::Result<Client> {
        self.endpoint.connect(self.deadline)
    }

    /// Connect, but do not start a TLS handshake.
    pub(crate) fn dial(&self) -> io::Result<Client> {
        self.endpoint.dial(self.deadline)
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.endpoint.is_tls()
    }

    /// The first message of a TLS handshake, if the redirect URI is `https`.
    pub(crate) fn hello(&self) -> io::Result<Option<Vec<u8>>> {
        self.endpoint.hello()
    }

    /// The authority that `Host` names.
    pub(crate) fn host(&self) -> &str {
        self.redirect_uri.authority().map_or("", |authority| authority.as_str())
    }

    /// The request target of the legitimate callback.
    pub(crate) fn legitimate(&self) -> String {
        self.callback(&[("code", &self.codes.good)], self.state.as_deref())
    }

    /// The request target of a callback with these parameters. It keeps the query of the redirect URI
    /// (RFC 6749, section 3.1.2).
    pub(crate) fn callback(&self, parameters: &[(&str, &str)], state: Option<&str>) -> String {
        let target = self.redirect_uri.path_and_query().map_or("/", |target| target.as_str());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        query.extend_pairs(state.map(|state| ("state", state)));
        query.extend_pairs(self.issuer.as_ref().map(|issuer| ("iss", issuer)));
        let sign = if target.contains('?') { '&' } else { '?' };
        format!("{target}{sign}{}", query.finish())
    }

    /// The request target of a forged callback with the correct `state`.
    pub(crate) fn stolen_state(&self) -> String {
        self.callback(&[("code", &self.codes.evil)], self.state.as_deref())
    }

    /// Open `target` as a tab does, and follow redirects within the receiver. Returns the page and its connection.
    pub(crate) fn navigate(&self, target: &str) -> io::Result<(Response<Vec<u8>>, Client)> {
        client::navigate(&self.redirect_uri, target, &self.trust, self.deadline)
    }
}
