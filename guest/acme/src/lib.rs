//! The provider of `guest/PROVIDERS.md`: a complete guest in 15 lines.

use curtaincall_guest::provider::{AuthorizationUrl, Error, Provider, SignedIn, TokenRequest};

struct Acme;

impl Provider for Acme {
    const TOKEN_ENDPOINT: &str = "https://idp.example/token";

    fn authorize() -> Result<AuthorizationUrl, Error> {
        Ok(AuthorizationUrl::new("https://idp.example/authorize", "ID").scope("read write"))
    }

    fn exchange(code: &str) -> Result<SignedIn, Error> {
        TokenRequest::new(Self::TOKEN_ENDPOINT, "ID", code)
            .client_secret("client_secret")
            .send()?
            .signed_in()
    }
}

curtaincall_guest::export_provider!(Acme);
