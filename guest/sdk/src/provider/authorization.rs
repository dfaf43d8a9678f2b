//! The authorization request (RFC 6749, section 4.1.1), with PKCE (RFC 7636).

use super::{authorizer::Authorization, session};

/// The URL that the browser opens.
///
/// The SDK adds the values of this run: `redirect_uri`, `state`, and the PKCE challenge with the method S256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationUrl {
    endpoint: String,
    parameters: Vec<(String, String)>,
    issuer: Option<String>,
}

impl AuthorizationUrl {
    /// Ask for a code at `endpoint`, which may have a query of its own.
    pub fn new(endpoint: impl Into<String>, client_id: impl Into<String>) -> Self {
        let url = Self { endpoint: endpoint.into(), parameters: Vec::new(), issuer: None };
        url.parameter("response_type", "code").parameter("client_id", client_id)
    }

    /// Ask for this scope: words with spaces between them.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.parameter("scope", scope)
    }

    /// Add a parameter, such as `prompt`. The SDK percent-encodes it.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Accept only callbacks whose `iss` is this issuer (RFC 9207).
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    pub(super) fn of_this_run(self) -> Authorization {
        let url = self
            .parameter("redirect_uri", session::redirect_uri())
            .parameter("state", session::state())
            .parameter("code_challenge", session::code_challenge())
            .parameter("code_challenge_method", "S256");
        Authorization { url: url.encoded(), issuer: url.issuer }
    }

    fn encoded(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(&self.parameters).finish();
        // Some providers do not understand `+` for a space. A `+` in a value is already encoded.
        let query = query.replace('+', "%20");
        let separator = if self.endpoint.contains('?') { '&' } else { '?' };
        format!("{}{separator}{query}", self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_encoded() {
        let url = AuthorizationUrl::new("https://idp.example/authorize", "a+b&c").scope("read é");
        assert_eq!(
            url.parameter("x y", "#").encoded(),
            "https://idp.example/authorize?response_type=code&client_id=a%2Bb%26c&scope=read%20%C3%A9&x%20y=%23"
        );
    }

    #[test]
    fn an_endpoint_can_have_a_query_of_its_own() {
        let url = AuthorizationUrl::new("https://idp.example/?policy=1", "bot").encoded();
        assert_eq!(url, "https://idp.example/?policy=1&response_type=code&client_id=bot");
    }
}
