//! Why a sign-in failed, in words for a person. Names and URLs are between backticks.

/// Why a sign-in failed.
#[derive(Debug, PartialEq)]
pub(crate) struct Failure {
    /// A short code for programs: the provider's, or one of the guest's own.
    pub(crate) error: String,
    /// What happened: a sentence.
    pub(crate) what: String,
    /// What the person can do: a sentence.
    pub(crate) advice: String,
    /// The provider's own description.
    pub(crate) quote: Option<String>,
}

impl Failure {
    pub(crate) fn new(
        error: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { error: error.into(), what: what.into(), advice: advice.into(), quote: None }
    }

    /// A value of the configuration is missing.
    pub(crate) fn missing(name: &str) -> Self {
        let (value, instead) = match name {
            "authorization_endpoint" | "token_endpoint" => ("URL", ", or set `issuer`"),
            "client_id" => ("ID", ""),
            _ => ("VALUE", ""),
        };
        let what = format!("`{name}` is not configured.");
        Self::new(
            "not_configured",
            what,
            format!("Set it with `--config {name}={value}`{instead}."),
        )
    }

    /// A secret was not granted.
    pub(crate) fn no_secret(why: &str) -> Self {
        let what = format!("The secret `client_secret` is not granted, but {why}.");
        Self::new("not_configured", what, "Set it with `--secret client_secret=env:VARIABLE`.")
    }

    /// A value of the configuration is invalid. `expected` completes the sentence.
    pub(crate) fn invalid(name: &str, value: &str, expected: &str) -> Self {
        let what =
            format!("Invalid `{name}` in the configuration: expected {expected}, got `{value}`.");
        Self::new("invalid_configuration", what, "Correct the configuration.")
    }

    /// The description for the outcome: the provider's, or else the guest's.
    pub(crate) fn description(&self) -> String {
        self.quote.clone().unwrap_or_else(|| format!("{} {}", self.what, self.advice))
    }
}
