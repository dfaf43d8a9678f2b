//! The authorization request: the URL that the browser opens (OpenID Connect Core 1.0, section 3.1.2.1).

use crate::bindings::curtaincall::callback::session;
use crate::config::Config;

/// The URL for the browser, with the values of this run. The host checks that they are in it.
pub(crate) fn url(config: &Config) -> String {
    let (redirect_uri, state, nonce) =
        (session::redirect_uri(), session::state(), session::nonce());
    let challenge = session::code_challenge();
    with_query(
        &config.authorization_endpoint,
        &[
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &config.scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ],
    )
}

fn with_query(endpoint: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    // Some providers do not understand `+` for a space. A `+` in a value is already encoded.
    let query = query.replace('+', "%20");
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_a_query_is_kept() {
        let pairs = [("scope", "openid email"), ("client_id", "a+b&c")];
        assert_eq!(
            with_query("https://idp.example/authorize", &pairs),
            "https://idp.example/authorize?scope=openid%20email&client_id=a%2Bb%26c"
        );
        let with_policy = with_query("https://idp.example/authorize?policy=1", &pairs[..1]);
        assert_eq!(with_policy, "https://idp.example/authorize?policy=1&scope=openid%20email");
    }
}
