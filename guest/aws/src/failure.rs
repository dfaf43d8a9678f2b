//! Why there are no credentials, in words for a person.

/// Why there are no credentials.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A short code for programs: the provider's, that of AWS, or one of the guest's own.
    pub(crate) error: String,
    /// What happened, and what the person can do. It may contain text of others.
    pub(crate) why: String,
}

impl Failure {
    pub(crate) fn new(error: impl Into<String>, why: impl Into<String>) -> Self {
        Self { error: error.into(), why: why.into() }
    }

    /// The provider refused, with the code `error` of RFC 6749 or OpenID Connect.
    pub(crate) fn refused(error: &str, description: Option<&str>) -> Self {
        let what = match error {
            "access_denied" => "You or your organization did not grant access",
            "invalid_grant" => "The code of this sign-in has expired, or was used before",
            "invalid_client" | "unauthorized_client" => "The provider does not accept this client",
            _ => "The provider refused the sign-in",
        };
        let quote = description.map(|text| format!(" The provider says: {text}"));
        Self::new(error, format!("{what} (`{error}`).{}", quote.unwrap_or_default()))
    }

    /// The failure in the form of the contract, for a flow that cannot start.
    pub(crate) fn into_outcome(self) -> curtaincall_guest::Failure {
        curtaincall_guest::Failure { error: self.error, description: Some(self.why) }
    }
}
