//! The authorization request: the URL that the browser opens (RFC 6749, section 4.1.1).

use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::host::Host;
use crate::metadata::Metadata;
use crate::settings::Settings;

/// The URL for the browser, and the issuer to expect in the callback.
///
/// Whatever the token request needs is checked here already, before the browser opens.
pub(crate) fn authorize<H: Host>(
    host: &H,
    config: &Config,
) -> Result<(String, Option<String>), Failure> {
    let settings = Settings::read(config)?;
    config.required("client_id")?;
    let metadata = Metadata::find(host, config)?;
    let client = Client::read(host, config, &metadata)?;
    declare(host, config, &settings, &metadata);

    let mut url = Url::new(metadata.authorization_endpoint);
    url.add("response_type", "code");
    url.add(config.get("name.client_id").unwrap_or("client_id"), &client.id);
    url.add("redirect_uri", &host.redirect_uri());
    url.add("state", &host.state());
    if let Some(scope) = config.get("scope") {
        let separator = config.get("scope_separator").unwrap_or(" ");
        let words: Vec<_> = scope.split_ascii_whitespace().collect();
        url.add(config.get("scope_name").unwrap_or("scope"), &words.join(separator));
    }
    if settings.pkce {
        url.add("code_challenge", &host.code_challenge());
        url.add("code_challenge_method", "S256");
    }
    if settings.nonce {
        url.add("nonce", &host.nonce());
    }
    for (name, value) in config.table("authorize.") {
        if url.has(name) {
            let expected = "a parameter that the sign-in does not set itself";
            return Err(Failure::invalid(&format!("authorize.{name}"), value, expected));
        }
        url.add(name, value);
    }
    Ok((url.text, metadata.issuer.filter(|_| metadata.sends_issuer)))
}

/// Declare the URLs of the exchange, so that the person learns at once of all that are not granted.
fn declare<H: Host>(host: &H, config: &Config, settings: &Settings, metadata: &Metadata) {
    host.declare(&metadata.token_endpoint, true);
    if let Some(second) = &settings.second {
        host.declare(&second.url, true);
    }
    if let (Some(keys), true) = (&metadata.jwks_uri, settings.nonce) {
        host.declare(keys, false);
    }
    let has_pointer = config.get("account").is_some_and(|names| names.contains('/'));
    if let (Some(userinfo), true) = (&metadata.userinfo_endpoint, has_pointer) {
        host.declare(userinfo, true);
    }
}

/// A URL that gets its query.
struct Url {
    text: String,
    names: Vec<String>,
}

impl Url {
    fn new(text: String) -> Self {
        Self { text, names: Vec::new() }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    fn add(&mut self, name: &str, value: &str) {
        self.text.push(if self.text.contains('?') { '&' } else { '?' });
        self.encode(name);
        self.text.push('=');
        self.encode(value);
        self.names.push(name.to_owned());
    }

    /// Percent-encode a name or a value. Some providers do not understand `+` for a space.
    fn encode(&mut self, part: &str) {
        for piece in form_urlencoded::byte_serialize(part.as_bytes()) {
            self.text.push_str(if piece == "+" { "%20" } else { piece });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, config};

    const USUAL: [(&str, &str); 3] = [
        ("authorization_endpoint", "https://idp.example/authorize"),
        ("token_endpoint", "https://idp.example/token"),
        ("client_id", "bot"),
    ];

    #[track_caller]
    fn url(more: &[(&str, &str)]) -> String {
        authorize(&Fake::default(), &config(&[&USUAL, more].concat())).unwrap().0
    }

    #[track_caller]
    fn failure(host: &Fake, values: &[(&str, &str)]) -> Failure {
        authorize(host, &config(values)).unwrap_err()
    }

    #[test]
    fn the_url_has_all_parameters_once() {
        assert_eq!(
            url(&[("scope", "read  write")]),
            "https://idp.example/authorize?response_type=code&client_id=bot\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcallback&state=the-state\
             &scope=read%20write&code_challenge=the-challenge&code_challenge_method=S256"
        );
        assert!(url(&[("scope", "openid")]).ends_with("&nonce=the-nonce"));
    }

    #[test]
    fn a_provider_can_want_other_names_and_separators() {
        let url = url(&[
            ("scope", "a b"),
            ("scope_separator", ","),
            ("scope_name", "user_scope"),
            ("name.client_id", "client_key"),
            ("pkce", "false"),
            ("authorize.access_type", "off line"),
        ]);
        assert!(url.contains("&user_scope=a%2Cb&access_type=off%20line"), "{url}");
        assert!(url.contains("&client_key=bot&") && !url.contains("client_id"), "{url}");
        assert!(!url.contains("challenge"), "{url}");
    }

    #[test]
    fn an_endpoint_can_have_a_query_of_its_own() {
        let values = [("authorization_endpoint", "https://idp.example/?p=1"), USUAL[1], USUAL[2]];
        let (url, _) = authorize(&Fake::default(), &config(&values)).unwrap();
        assert!(url.starts_with("https://idp.example/?p=1&response_type=code&"), "{url}");
    }

    #[test]
    fn a_parameter_of_the_sign_in_cannot_be_set_again() {
        for name in ["state", "redirect_uri", "response_type", "client_id", "code_challenge"] {
            let name = format!("authorize.{name}");
            let failure = failure(&Fake::default(), &[&USUAL[..], &[(&name, "x")]].concat());
            assert_eq!(failure.error, "invalid_configuration");
            assert!(failure.what.contains(&name), "{}", failure.what);
        }
    }

    #[test]
    fn a_missing_value_is_a_failure_that_names_it() {
        for (index, (name, _)) in USUAL.iter().enumerate() {
            let mut values = USUAL.to_vec();
            values.remove(index);
            let failure = failure(&Fake::default(), &values);
            assert_eq!(failure.error, "not_configured");
            assert!(failure.what.contains(&format!("`{name}`")), "{}", failure.what);
            let flag = format!("Set it with `--config {name}=");
            assert!(failure.advice.starts_with(&flag), "{}", failure.advice);
        }
        let basic = [&USUAL[..], &[("client_auth", "basic")]].concat();
        let failure = failure(&Fake::default(), &basic);
        assert!(failure.what.contains("`client_secret` is not granted"), "{}", failure.what);
    }

    #[test]
    fn an_unknown_setting_is_a_failure_before_the_browser_opens() {
        let unknown = [&USUAL[..], &[("scpoe", "repo")]].concat();
        let failure = failure(&Fake::default(), &unknown);
        assert_eq!(failure.what, "Unknown setting `scpoe`: did you mean `scope`?");
        // A variable of a URL is known.
        url(&[("issuer", "https://idp.example/{tenant}"), ("tenant", "acme")]);
    }

    #[test]
    fn the_issuer_is_expected_only_where_the_provider_sends_it() {
        let issuer = |more: &[(&str, &str)]| {
            let values = [&USUAL, &[("issuer", "https://idp.example")][..], more].concat();
            authorize(&Fake::default(), &config(&values)).unwrap().1
        };
        assert_eq!(issuer(&[]), None);
        let supported = [("authorization_response_iss_parameter_supported", "true")];
        assert_eq!(issuer(&supported).as_deref(), Some("https://idp.example"));
    }
}
