//! The OpenID provider: who signed in.

use crate::bindings::curtaincall::callback::exchange::Leaf;
use crate::bindings::curtaincall::callback::identity::{self, Claim, Expectation};
use crate::bindings::curtaincall::callback::secrets::{self, Secret};
use crate::bindings::curtaincall::callback::session;
use crate::config::Config;
use crate::failure::Failure;
use crate::request::{post, sentence};

/// A person whom the provider signed in.
pub(crate) struct Person {
    /// The email address if the provider verified it, or else the provider's own name for the person.
    pub(crate) name: String,
    /// The valid ID token.
    pub(crate) id_token: Secret,
}

/// Exchange the code (RFC 6749, section 4.1.3), and have the host check the ID token.
pub(crate) fn sign_in(config: &Config, code: &str) -> Result<Person, Failure> {
    let (verifier, client_secret) = (secrets::code_verifier(), secrets::get("client_secret"));
    let redirect_uri = session::redirect_uri();
    let texts = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect_uri),
        ("client_id", &config.client_id),
    ];
    let mut secrets = vec![("code_verifier", &verifier)];
    secrets.extend(client_secret.iter().map(|secret| ("client_secret", secret)));
    let answer = post(&config.token_endpoint, &texts, &secrets)?;
    match (answer.status(), answer.get("/id_token"), answer.get("/error")) {
        (200, Some(Leaf::Secret(id_token)), _) => {
            let name = name(config, &id_token)?;
            Ok(Person { name, id_token })
        }
        (_, _, Some(Leaf::Text(error))) => Err(Failure::refused(&error, None)),
        (200, ..) => {
            let why =
                "The provider sent no ID token. Check whether the client may use OpenID Connect.";
            Err(Failure::new("no_id_token", why))
        }
        (status, ..) => {
            let why = format!("The provider refused the code with status {status}.");
            Err(Failure::new("token_request_failed", why))
        }
    }
}

/// The name of the person in a valid ID token.
fn name(config: &Config, id_token: &Secret) -> Result<String, Failure> {
    let expected = Expectation {
        issuer: config.issuer.clone(),
        audience: config.client_id.clone(),
        keys: Some(config.jwks_uri.clone()),
        max_age: None,
    };
    let invalid = |why: &str| {
        let why = format!("The ID token of the provider is not valid. {why}");
        Failure::new("invalid_id_token", why)
    };
    let claims = ["email", "email_verified", "sub"].map(str::to_owned);
    let claims = identity::verify(id_token, &expected, &claims)
        .map_err(|problem| invalid(&sentence(problem.message())))?;
    match &claims[..] {
        // With some providers, anybody can claim an address that is not verified.
        [Some(Claim::Text(email)), Some(Claim::Boolean(true)), _] if !email.is_empty() => {
            Ok(email.clone())
        }
        [_, _, Some(Claim::Text(subject))] => Ok(subject.clone()),
        _ => Err(invalid("It does not say who signed in.")),
    }
}
