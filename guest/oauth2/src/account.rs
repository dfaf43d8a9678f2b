//! Who signed in: from the ID token, the userinfo endpoint, or the token answer.

use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::host::{Answer, Claim, Expectation, Host, Leaf, Problem, Request};
use crate::metadata::Metadata;
use crate::reason;
use crate::settings::Settings;
use crate::token::{self, Tokens};

/// The claims that name an account, where nothing is configured.
const CLAIMS: &str = "email preferred_username name";

/// Validate the ID token, if the provider is known to send one. Returns the name of the account, if there is one.
///
/// `account` in the configuration lists claims, and pointers, which begin with a `/`. The pointers are into the answer
/// of the userinfo endpoint, or into the token answer if there is no such endpoint. The first of them that can be read
/// names the account, and claims come first: they are validated.
pub(crate) fn identify<H: Host>(
    host: &H,
    config: &Config,
    settings: &Settings,
    metadata: &Metadata,
    client: &Client<H::Secret>,
    tokens: &Tokens<H::Answer>,
) -> Result<Option<String>, Failure> {
    let (pointers, names): (Vec<_>, Vec<_>) = config
        .get("account")
        .unwrap_or(CLAIMS)
        .split_ascii_whitespace()
        .map(str::to_owned)
        .partition(|name| name.starts_with('/'));
    let token = tokens.get(&token::pointers(config, "id_token"));
    let claims = match &metadata.issuer {
        Some(issuer) if settings.nonce => {
            let expected = Expectation {
                issuer: issuer.clone(),
                audience: client.id.clone(),
                keys: metadata.jwks_uri.clone(),
                max_age: settings.max_age,
            };
            validate(host, settings, token, &expected, names)?
        }
        _ => Vec::new(),
    };
    let mut claims = claims.into_iter();
    let subject = claims.next().flatten();
    let name = claims.flatten().find(|name| !name.is_empty());
    if name.is_some() || pointers.is_empty() {
        return Ok(name);
    }
    match &metadata.userinfo_endpoint {
        None => {
            Ok(readable(host, &metadata.token_endpoint, &pointers, |pointer| tokens.get(pointer)))
        }
        Some(url) => userinfo(host, config, url, tokens, subject, &pointers),
    }
}

/// Validate an ID token. Returns its subject, and then the claims asked for.
fn validate<H: Host>(
    host: &H,
    settings: &Settings,
    token: Option<Leaf<H::Secret>>,
    expected: &Expectation,
    names: Vec<String>,
) -> Result<Vec<Option<String>>, Failure> {
    let token = match token {
        Some(Leaf::Secret(token)) => token,
        // A token in an answer that is not sealed did not come from an endpoint that was granted for secrets.
        Some(_) => return Err(reason::invalid_id_token(Problem::Malformed, None)),
        None if settings.openid => return Err(reason::no_id_token()),
        None => return Ok(Vec::new()),
    };
    let mut claims = vec!["sub".to_owned()];
    claims.extend(names);
    let invalid = |problem| reason::invalid_id_token(problem, expected.keys.as_deref());
    let values = host.verify(&token, expected, &claims).map_err(invalid)?;
    let text = |claim| match claim {
        Some(Claim::Text(text)) => Some(text),
        _ => None,
    };
    Ok(values.into_iter().map(text).collect())
}

/// Ask the userinfo endpoint for the name of the account. The sign-in is valid without one.
fn userinfo<H: Host>(
    host: &H,
    config: &Config,
    url: &str,
    tokens: &Tokens<H::Answer>,
    subject: Option<String>,
    pointers: &[String],
) -> Result<Option<String>, Failure> {
    let token = tokens.of_access_token(&token::pointers(config, "access_token"));
    let Some(credentials) = token::bearer(&token) else { return Ok(None) };
    let request = Request { credentials, ..Request::get(url, token::headers(config)) };
    let answer = match host.send(&request) {
        Ok(answer) => answer,
        Err(error) => return Ok(no_name(host, &reason::no_answer(error, url).what)),
    };
    if answer.status() != 200 {
        let what = format!("HOST answered with status {}.", answer.status());
        return Ok(no_name(host, &reason::with_host(&what, url)));
    }
    // OpenID Connect Core 1.0, section 5.3.2.
    match (subject, answer.get("/sub")) {
        (Some(subject), Some(Leaf::Text(other))) if subject != other => {
            Err(reason::other_subject(url))
        }
        (None, _) | (Some(_), Some(Leaf::Text(_))) => {
            Ok(readable(host, url, pointers, |pointer| answer.get(pointer)))
        }
        // An answer whose subject cannot be read may be about anybody.
        (Some(_), _) => Ok(sealed(host, url, "/sub")),
    }
}

/// The first text or number that can be read in the answer of `url`.
fn readable<H: Host>(
    host: &H,
    url: &str,
    pointers: &[String],
    get: impl Fn(&str) -> Option<Leaf<H::Secret>>,
) -> Option<String> {
    let name = pointers.iter().find_map(|pointer| match get(pointer) {
        Some(Leaf::Text(text)) => Some(text).filter(|text| !text.is_empty()),
        Some(Leaf::Number(number)) => Some(number.to_string()),
        _ => None,
    });
    let is_sealed = |pointer: &&String| matches!(get(pointer), Some(Leaf::Secret(_)));
    match pointers.iter().find(is_sealed) {
        Some(pointer) if name.is_none() => sealed(host, url, pointer),
        _ => name,
    }
}

/// Log that the value at `pointer` in the answer of `url` cannot be read.
fn sealed<H: Host>(host: &H, url: &str, pointer: &str) -> Option<String> {
    let what = format!(
        "`{pointer}` in the answer of HOST cannot be read. Add it to `readable` in the grant for `{url}`."
    );
    no_name(host, &reason::with_host(&what, url))
}

/// Log why the page does not name the account.
fn no_name<H: Host>(host: &H, what: &str) -> Option<String> {
    host.log(&format!("The page does not name the account: {what}"));
    None
}

#[cfg(test)]
mod tests {
    use curtaincall_guest::Request as Call;

    use super::*;
    use crate::fake::{Fake, config};
    use crate::sign_in::{self, Callback};

    const TOKEN: &str = "https://idp.example/token";
    const USERINFO: &str = "https://idp.example/userinfo";
    const OPENID: [(&str, &str); 3] = [
        ("scope", "openid"),
        ("issuer", "https://idp.example"),
        ("jwks_uri", "https://idp.example/keys"),
    ];
    const ANSWER: &str = r#"{ "access_token": "at", "id_token": "idt", "team": "Ada's" }"#;

    fn account(host: &Fake, more: &[(&str, &str)]) -> Result<Option<String>, Failure> {
        let usual = [
            ("authorization_endpoint", "https://idp.example/authorize"),
            ("token_endpoint", TOKEN),
            ("client_id", "bot"),
        ];
        let config = config(&[&usual, more].concat());
        match sign_in::answer(host, &config, &Call::get("/callback?code=abc"))? {
            Callback::SignedIn(signed_in) => Ok(signed_in.account),
            Callback::Nothing => panic!("nothing"),
        }
    }

    fn host(answer: &str) -> Fake {
        Fake::default().answer(TOKEN, 200, answer)
    }

    #[test]
    fn the_id_token_is_validated_and_names_the_account() {
        let claims = vec![("sub", "1"), ("email", "ada@idp.example"), ("name", "Ada")];
        let host = Fake { claims, ..host(ANSWER) };
        assert_eq!(account(&host, &OPENID).unwrap().as_deref(), Some("ada@idp.example"));
        let verified = host.verified.borrow();
        let [(token, expected)] = &verified[..] else { panic!("{verified:?}") };
        assert_eq!(token, "idt");
        assert_eq!(expected.issuer, "https://idp.example");
        assert_eq!(expected.audience, "bot");
        assert_eq!(expected.keys.as_deref(), Some("https://idp.example/keys"));
        assert_eq!(expected.max_age, None);
    }

    #[test]
    fn the_configuration_names_the_claim() {
        let claims = vec![("sub", "1"), ("email", "ada@idp.example"), ("name", "Ada")];
        let host = Fake { claims, ..host(ANSWER) };
        let more =
            [OPENID[0], OPENID[1], ("account", "nickname name"), ("authorize.max_age", "60")];
        assert_eq!(account(&host, &more).unwrap().as_deref(), Some("Ada"));
        assert_eq!(host.verified.borrow()[0].1.max_age, Some(60));
    }

    #[test]
    fn an_invalid_or_missing_id_token_is_a_failure_with_a_sentence_of_its_own() {
        let problems = [
            Problem::Malformed,
            Problem::Algorithm,
            Problem::Keys,
            Problem::Signature,
            Problem::Issuer,
            Problem::Audience,
            Problem::Time,
            Problem::Nonce,
            Problem::Subject,
        ];
        let mut seen = Vec::new();
        for problem in problems {
            let host = Fake { problem: Some(problem), ..host(ANSWER) };
            let failure = account(&host, &OPENID).unwrap_err();
            assert_eq!(failure.error, "invalid_id_token");
            assert!(!seen.contains(&failure.what), "{}", failure.what);
            assert!(host.handed_over.borrow().is_empty());
            seen.push(failure.what);
        }
        let keys = "The provider's keys cannot be read from `https://idp.example/keys`.";
        assert!(seen.iter().any(|what| what == keys));
        let host = host(r#"{ "access_token": "at" }"#);
        assert_eq!(account(&host, &OPENID).unwrap_err().error, "no_id_token");
    }

    #[test]
    fn an_id_token_that_cannot_be_validated_is_not_read() {
        for more in [&OPENID[..1], &[OPENID[0], OPENID[1], ("nonce", "false")]] {
            let host = Fake { claims: vec![("email", "ada@idp.example")], ..host(ANSWER) };
            assert_eq!(account(&host, more).unwrap(), None);
            assert!(host.verified.borrow().is_empty());
            assert!(host.handed_over.borrow().contains(&("id_token".into(), "idt".into())));
        }
    }

    #[test]
    fn the_userinfo_endpoint_names_the_account() {
        let more = [("userinfo_endpoint", USERINFO), ("account", "/email /login")];
        let userinfo = |json: &str| {
            let readable = vec!["/login".to_owned()];
            let host = Fake { readable, ..host(ANSWER) }.answer(USERINFO, 200, json);
            let account = account(&host, &more).unwrap();
            assert_eq!(host.sent.borrow()[1], "GET https://idp.example/userinfo bearer at");
            account
        };
        assert_eq!(userinfo(r#"{ "login": "ada" }"#).as_deref(), Some("ada"));
        assert_eq!(userinfo(r#"{ "email": null, "login": "ada" }"#).as_deref(), Some("ada"));
        assert_eq!(userinfo(r#"{ "email": "secret", "login": "ada" }"#).as_deref(), Some("ada"));
        assert_eq!(userinfo(r#"{ "email": "secret", "login": 7 }"#).as_deref(), Some("7"));
        assert_eq!(userinfo(r#"{ "email": "secret", "login": "" }"#), None);
        assert_eq!(userinfo("{}"), None);
        // The sign-in is valid without a name.
        assert_eq!(account(&host(ANSWER), &more).unwrap(), None);
        assert_eq!(account(&host(ANSWER).answer(USERINFO, 403, "{}"), &more).unwrap(), None);
    }

    #[test]
    fn the_log_says_why_the_page_does_not_name_the_account() {
        let more = [("userinfo_endpoint", USERINFO), ("account", "/email /login")];
        let logged = |host: Fake, more: &[(&str, &str)]| {
            assert_eq!(account(&host, more).unwrap(), None);
            host.logged.take().join(" ")
        };
        let sealed = host(ANSWER).answer(USERINFO, 200, r#"{ "login": "ada" }"#);
        assert_eq!(
            logged(sealed, &more),
            "The page does not name the account: `/login` in the answer of `idp.example` cannot be \
             read. Add it to `readable` in the grant for `https://idp.example/userinfo`."
        );
        let refused = host(ANSWER).answer(USERINFO, 403, "{}");
        assert!(logged(refused, &more).ends_with("`idp.example` answered with status 403."));
        assert!(logged(host(ANSWER), &more).contains("is not allowed to send this request"));
        let token = logged(host(ANSWER), &[("account", "/team")]);
        assert!(token.contains("`/team`") && token.contains("`https://idp.example/token`"));
        // Without `account` in the configuration, nobody expects a name.
        assert_eq!(logged(host(ANSWER), &[]), "");
        assert_eq!(logged(host(ANSWER).answer(USERINFO, 200, "{}"), &more), "");
        let named = Fake { readable: vec!["/login".to_owned()], ..host(ANSWER) };
        let named = named.answer(USERINFO, 200, r#"{ "email": "secret", "login": "ada" }"#);
        assert!(account(&named, &more).unwrap().is_some());
        assert!(named.logged.borrow().is_empty());
    }

    #[test]
    fn without_a_userinfo_endpoint_the_token_answer_names_the_account() {
        let host = Fake { readable: vec!["/team".to_owned()], ..host(ANSWER) };
        assert_eq!(account(&host, &[("account", "/team")]).unwrap().as_deref(), Some("Ada's"));
        assert_eq!(host.sent.borrow().len(), 1);
    }

    #[test]
    fn the_userinfo_must_be_about_the_account_of_the_id_token() {
        let more = [&OPENID[..], &[("userinfo_endpoint", USERINFO), ("account", "/name")]].concat();
        let userinfo = |json: &str, readable: &[&str]| {
            let readable = readable.iter().map(|pointer| (*pointer).to_owned()).collect();
            let host = Fake { readable, claims: vec![("sub", "1")], ..host(ANSWER) };
            account(&host.answer(USERINFO, 200, json), &more)
        };
        let json = r#"{ "sub": "1", "name": "Ada" }"#;
        assert_eq!(userinfo(json, &["/sub", "/name"]).unwrap().as_deref(), Some("Ada"));
        assert_eq!(userinfo(json, &["/name"]).unwrap(), None);
        let json = r#"{ "sub": "2", "name": "Eve" }"#;
        let failure = userinfo(json, &["/sub", "/name"]).unwrap_err();
        assert_eq!(failure.error, "account_mismatch");
    }
}
