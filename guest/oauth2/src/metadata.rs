//! What is known of the provider: configured, or discovered from its issuer.

use crate::client::Authentication;
use crate::config::Config;
use crate::failure::Failure;
use crate::host::{Answer, Error, Host, Leaf, Request, find, texts};
use crate::{reason, token};

/// The URLs and abilities of a provider, as in RFC 8414.
pub(crate) struct Metadata {
    pub(crate) issuer: Option<String>,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    /// Whether the callback holds the issuer in `iss` (RFC 9207).
    pub(crate) sends_issuer: bool,
    /// How a client with a secret authenticates, if that was discovered.
    pub(crate) authentication: Option<Authentication>,
}

const SENDS_ISSUER: &str = "authorization_response_iss_parameter_supported";

impl Metadata {
    /// Read the metadata from the configuration. Ask the issuer if an endpoint is missing.
    pub(crate) fn find<H: Host>(host: &H, config: &Config) -> Result<Self, Failure> {
        let issuer = config.url("issuer")?;
        let authorization = config.url("authorization_endpoint")?;
        let token = config.url("token_endpoint")?;
        let userinfo_endpoint = config.url("userinfo_endpoint")?;
        let jwks_uri = config.url("jwks_uri")?;
        let sends_issuer = config.flag(SENDS_ISSUER, false)?;
        match (authorization, token, issuer) {
            (Some(authorization_endpoint), Some(token_endpoint), issuer) => Ok(Self {
                issuer,
                authorization_endpoint,
                token_endpoint,
                userinfo_endpoint,
                jwks_uri,
                sends_issuer,
                authentication: None,
            }),
            (authorization, token, Some(issuer)) => {
                let document = discover(host, &issuer)?;
                let sends = matches!(member(&document, SENDS_ISSUER), Some(Leaf::Boolean(true)));
                let required = |name| {
                    text(&document, name).ok_or_else(|| {
                        let what = "The discovery document of HOST does not contain ";
                        incomplete(format!("{}`{name}`.", reason::with_host(what, &issuer)))
                    })
                };
                Ok(Self {
                    authorization_endpoint: match authorization {
                        Some(url) => url,
                        None => required("authorization_endpoint")?,
                    },
                    token_endpoint: match token {
                        Some(url) => url,
                        None => required("token_endpoint")?,
                    },
                    userinfo_endpoint: userinfo_endpoint
                        .or_else(|| text(&document, "userinfo_endpoint")),
                    jwks_uri: jwks_uri.or_else(|| text(&document, "jwks_uri")),
                    sends_issuer: sends_issuer || sends,
                    authentication: Some(authentication(&document)),
                    issuer: Some(issuer),
                })
            }
            (None, _, None) => Err(Failure::missing("authorization_endpoint")),
            (_, None, None) => Err(Failure::missing("token_endpoint")),
        }
    }
}

/// Get the discovery document of OpenID Connect, or else that of RFC 8414.
fn discover<H: Host>(host: &H, issuer: &str) -> Result<H::Answer, Failure> {
    let mut outage = None;
    for url in documents(issuer) {
        match host.send(&Request::get(&url, token::usual_headers())) {
            Ok(document) if document.status() == 200 => {
                return check_issuer(&document, issuer).map(|()| document);
            }
            Ok(answer) if answer.status() >= 500 => {
                outage =
                    outage.or_else(|| Some(reason::refused_without_code(&url, answer.status())));
            }
            // Servers answer a missing document with an error page, or with a redirect to a start page.
            Ok(_) | Err(Error::NotUnderstood | Error::Redirect) => {}
            Err(error) => return Err(reason::no_answer(error, &url)),
        }
    }
    let none = || incomplete(reason::with_host("HOST has no discovery document.", issuer));
    Err(outage.unwrap_or_else(none))
}

/// The two places of a discovery document: after the path of the issuer, and before it.
fn documents(issuer: &str) -> [String; 2] {
    let issuer = issuer.trim_end_matches('/');
    let origin = issuer.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let path = &issuer[origin.len()..];
    [
        format!("{issuer}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// The issuer of the document must be exactly the one that was asked (RFC 8414, section 3.3).
fn check_issuer<A: Answer>(document: &A, asked: &str) -> Result<(), Failure> {
    let Some(issuer) = text(document, "issuer") else {
        let what = "The discovery document of HOST contains no issuer that can be read.";
        return Err(Failure::new(
            "discovery_failed",
            reason::with_host(what, asked),
            "Grant its origin, without a path, and remove a grant for the document itself.",
        ));
    };
    if issuer == asked {
        return Ok(());
    }
    let only_slash = issuer.trim_end_matches('/') == asked.trim_end_matches('/');
    let advice = match (only_slash, issuer.ends_with('/')) {
        (true, true) => "Add a `/` to the end of `issuer`.",
        (true, false) => "Remove the `/` from the end of `issuer`.",
        (false, _) => "Check `issuer`.",
    };
    let what = format!("The issuer is `{issuer}`, and not `{asked}`.");
    Err(Failure::new("issuer_mismatch", what, advice))
}

/// How a client with a secret authenticates. Basic is the default (RFC 8414, section 2).
fn authentication<A: Answer>(document: &A) -> Authentication {
    let methods = texts("/token_endpoint_auth_methods_supported", |at| document.get(at));
    let methods = methods.unwrap_or_default();
    let has = |name: &str| methods.iter().any(|method| method == name);
    if has("client_secret_post") && !has("client_secret_basic") {
        Authentication::Post
    } else {
        Authentication::Basic
    }
}

fn member<A: Answer>(document: &A, name: &str) -> Option<Leaf<A::Secret>> {
    find(document, &format!("/{name}"))
}

fn text<A: Answer>(document: &A, name: &str) -> Option<String> {
    match member(document, name) {
        Some(Leaf::Text(text)) => Some(text),
        _ => None,
    }
}

fn incomplete(what: String) -> Failure {
    Failure::new("discovery_failed", what, "Check `issuer`, or configure the endpoints.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, config};

    const OPENID: &str = "https://idp.example/a/.well-known/openid-configuration";
    const OAUTH: &str = "https://idp.example/.well-known/oauth-authorization-server/a";
    const DOCUMENT: &str = r#"{
        "issuer": "https://idp.example/a",
        "authorization_endpoint": "https://idp.example/authorize",
        "token_endpoint": "https://idp.example/token",
        "jwks_uri": "https://idp.example/keys",
        "authorization_response_iss_parameter_supported": true
    }"#;

    fn find(host: &Fake, more: &[(&str, &str)]) -> Result<Metadata, Failure> {
        Metadata::find(host, &config(&[&[("issuer", "https://idp.example/a")], more].concat()))
    }

    #[test]
    fn the_issuer_is_asked_for_what_is_not_configured() {
        let host = Fake::default().answer(OPENID, 200, DOCUMENT);
        let metadata = find(&host, &[("token_endpoint", "https://other.example/")]).unwrap();
        assert_eq!(metadata.authorization_endpoint, "https://idp.example/authorize");
        assert_eq!(metadata.token_endpoint, "https://other.example/");
        assert_eq!(metadata.jwks_uri.as_deref(), Some("https://idp.example/keys"));
        assert_eq!(metadata.userinfo_endpoint, None);
        assert!(metadata.sends_issuer);
        assert_eq!(metadata.authentication, Some(Authentication::Basic));
    }

    #[test]
    fn nothing_is_asked_if_both_endpoints_are_configured() {
        let host = Fake::default();
        let endpoints = [("authorization_endpoint", "https://b"), ("token_endpoint", "https://c")];
        assert!(find(&host, &endpoints).is_ok());
        assert!(host.sent.borrow().is_empty());
    }

    #[test]
    fn the_document_of_rfc_8414_is_the_second_choice() {
        for host in [
            Fake::default().answer(OPENID, 404, "{}"),
            Fake::default().fault(OPENID, Error::NotUnderstood),
            Fake::default().fault(OPENID, Error::Redirect),
        ] {
            let host = host.answer(OAUTH, 200, DOCUMENT);
            assert!(find(&host, &[]).is_ok());
        }
        let host = Fake::default().answer(OPENID, 404, "{}").answer(OAUTH, 404, "{}");
        assert_eq!(find(&host, &[]).err().unwrap().error, "discovery_failed");
        // A server that is down is not a wrong configuration.
        let host = Fake::default().answer(OPENID, 503, "null").answer(OAUTH, 404, "{}");
        let failure = find(&host, &[]).err().unwrap();
        assert_eq!(failure.what, "`idp.example` answered with status 503.");
        let host = Fake::default().answer(OPENID, 500, "null").answer(OAUTH, 200, DOCUMENT);
        assert!(find(&host, &[]).is_ok());
        let host = Fake::default().fault(OPENID, Error::Timeout);
        assert_eq!(find(&host, &[]).err().unwrap().error, "timeout");
        assert_eq!(host.sent.borrow().len(), 1);
    }

    #[test]
    fn an_issuer_without_a_path_has_both_documents_at_the_root() {
        let expected = [
            "https://idp.example/.well-known/openid-configuration",
            "https://idp.example/.well-known/oauth-authorization-server",
        ];
        assert_eq!(documents("https://idp.example"), expected);
        assert_eq!(documents("https://idp.example/"), expected);
    }

    #[test]
    fn the_issuer_must_be_exactly_the_one_that_was_asked() {
        let host = Fake::default().answer(OPENID, 200, DOCUMENT);
        let ask = |issuer| Metadata::find(&host, &config(&[("issuer", issuer)])).err().unwrap();
        let failure = ask("https://idp.example/a/");
        assert_eq!(failure.error, "issuer_mismatch");
        assert_eq!(failure.advice, "Remove the `/` from the end of `issuer`.");
        let other = DOCUMENT.replace("idp.example/a\"", "evil.example\"");
        let host = Fake::default().answer(OPENID, 200, &other);
        let failure = find(&host, &[]).err().unwrap();
        assert_eq!(failure.error, "issuer_mismatch");
        assert_eq!(failure.advice, "Check `issuer`.");
    }

    #[test]
    fn a_client_with_a_secret_authenticates_as_the_provider_says() {
        let method = |methods: &str| {
            let document = DOCUMENT.replacen(
                '{',
                &format!(r#"{{ "token_endpoint_auth_methods_supported": {methods}, "#),
                1,
            );
            let host = Fake::default().answer(OPENID, 200, &document);
            find(&host, &[]).unwrap().authentication.unwrap()
        };
        assert_eq!(method(r#"["none", "client_secret_post"]"#), Authentication::Post);
        assert_eq!(
            method(r#"["client_secret_post", "client_secret_basic"]"#),
            Authentication::Basic
        );
        assert_eq!(method("[]"), Authentication::Basic);
    }
}
