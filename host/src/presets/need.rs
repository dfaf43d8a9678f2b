//! What a preset needs from the person who uses it: values, secrets, and a redirect URI.

use serde::Deserialize;

use crate::variables::Variables;

/// A value or a secret that a preset needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Need {
    /// The name, such as `client_id`.
    pub name: String,
    /// Whether it is a value or a secret.
    pub kind: NeedKind,
    /// Whether the preset also works without it.
    #[serde(default)]
    pub optional: bool,
    /// What it is, as one or more sentences.
    pub about: String,
}

/// Whether a preset needs a value or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeedKind {
    /// A value: [`Variables::set`].
    Config,
    /// A secret: [`Variables::set_secret`].
    Secret,
}

impl Need {
    /// Returns whether `variables` has it. An empty value counts as missing, as it does for the guest.
    pub(super) fn is_in(&self, variables: &Variables) -> bool {
        match self.kind {
            NeedKind::Config => variables.get(&self.name).is_some_and(|value| !value.is_empty()),
            NeedKind::Secret => variables.has_secret(&self.name),
        }
    }
}

/// Which redirect URI a provider accepts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Redirect {
    /// The rule.
    pub rule: RedirectRule,
    /// What to register, as one or more sentences.
    pub about: String,
    #[serde(default)]
    localhost: bool,
}

/// How a provider compares the redirect URI with the one that is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RedirectRule {
    /// It accepts `127.0.0.1` with any port.
    #[serde(rename = "127.0.0.1")]
    Address,
    /// It accepts `localhost` with any port.
    #[serde(rename = "localhost")]
    Localhost,
    /// It accepts only the registered port.
    #[serde(rename = "fixed-port")]
    FixedPort,
    /// It accepts only the registered `https` URL, so that the flow needs a certificate.
    #[serde(rename = "https")]
    Https,
}

impl Redirect {
    /// Returns whether the redirect URI must have the host `localhost` instead of `127.0.0.1`.
    pub fn is_localhost(&self) -> bool {
        self.localhost || self.rule == RedirectRule::Localhost
    }
}
