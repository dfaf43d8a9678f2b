//! The codes that the provider has granted.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Parameters;
use crate::endpoint;

/// The issued codes, and the codes that clients have presented.
#[derive(Debug, Default)]
pub(super) struct Grants {
    issuer: String,
    denies: Option<String>,
    issued: usize,
    /// By code. Each code works once.
    open: HashMap<String, Grant>,
    presented: Vec<String>,
}

#[derive(Debug)]
struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
}

impl Grants {
    pub(super) fn of(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), ..Self::default() }
    }

    pub(super) fn deny(&mut self, error: &str) {
        self.denies = Some(error.to_owned());
    }

    pub(super) fn presented(&self) -> &[String] {
        &self.presented
    }

    /// Answer an authorization request. Returns the URL of the redirect, or what is wrong with the request.
    pub(super) fn authorize(&mut self, query: &Parameters) -> Result<String, &'static str> {
        check(query)?;
        let mut answer = form_urlencoded::Serializer::new(String::new());
        if let Some(error) = &self.denies {
            answer.append_pair("error", error);
        } else if get(query, "response_type") != "code" {
            answer.append_pair("error", "unsupported_response_type");
        } else {
            self.issued += 1;
            let code = format!("code-{}", self.issued);
            answer.append_pair("code", &code);
            self.open.insert(code, Grant::of(query));
        }
        answer.extend_pairs(query.get("state").map(|state| ("state", state)));
        answer.append_pair("iss", &self.issuer);
        let redirect_uri = get(query, "redirect_uri");
        let sign = if redirect_uri.contains('?') { '&' } else { '?' };
        Ok(format!("{redirect_uri}{sign}{}", answer.finish()))
    }

    /// Grant an authorization request, with this code.
    pub(super) fn grant(&mut self, query: &Parameters, code: &str) -> Result<(), &'static str> {
        check(query)?;
        if get(query, "response_type") != "code" {
            return Err("unsupported `response_type`: expected `code`");
        }
        if !matches!(get(query, "response_mode"), "" | "query") {
            return Err("unsupported `response_mode`: expected `query`");
        }
        self.open.insert(code.to_owned(), Grant::of(query));
        Ok(())
    }

    /// Answer a token request of a client, which `Authorization` may identify. Returns the token or the error code.
    pub(super) fn redeem(
        &mut self,
        form: &Parameters,
        basic: Option<&str>,
    ) -> Result<String, &'static str> {
        let code = get(form, "code");
        if !code.is_empty() {
            self.presented.push(code.to_owned());
        }
        let grant = self.open.remove(code);
        if get(form, "grant_type") != "authorization_code" {
            return Err("unsupported_grant_type");
        }
        let client_id = basic.unwrap_or(get(form, "client_id"));
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(get(form, "code_verifier")));
        let is_good = |grant: &Grant| {
            grant.client_id == client_id
                && grant.redirect_uri == get(form, "redirect_uri")
                && grant.challenge.as_ref().is_none_or(|challenge| *challenge == proof)
        };
        grant.filter(is_good).ok_or("invalid_grant")?;
        Ok(format!("token-of-{code}"))
    }

    pub(super) fn metadata(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }
}

impl Grant {
    fn of(query: &Parameters) -> Self {
        Self {
            client_id: get(query, "client_id").to_owned(),
            redirect_uri: get(query, "redirect_uri").to_owned(),
            challenge: query.get("code_challenge").cloned(),
        }
    }
}

/// The client in an `Authorization: Basic` field (RFC 6749, section 2.3.1). Its secret is not checked.
pub(super) fn basic(field: &str) -> Option<String> {
    let (scheme, credentials) = field.split_once(' ')?;
    let credentials = STANDARD.decode(credentials.trim()).ok()?;
    let credentials = String::from_utf8(credentials).ok()?;
    let (client, _) = credentials.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    form_urlencoded::parse(client.as_bytes()).next().map(|(client, _)| client.into_owned())
}

fn get<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.get(name).map(String::as_str).unwrap_or_default()
}

/// Refuse a request whose browser must not be sent back to the receiver (RFC 6749, section 4.1.2.1).
fn check(query: &Parameters) -> Result<(), &'static str> {
    let redirect_uri = get(query, "redirect_uri");
    let is_loopback = redirect_uri.parse().is_ok_and(|url| endpoint::addresses(&url).is_ok());
    if !is_loopback || redirect_uri.contains('#') {
        return Err("`redirect_uri` is not a loopback URL");
    }
    if query.contains_key("code_challenge") && get(query, "code_challenge_method") != "S256" {
        return Err("`code_challenge_method` is not `S256`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "response_type=code&client_id=bot&redirect_uri=http://127.0.0.1:1/";

    fn parameters(text: &str) -> Parameters {
        super::super::parameters(text.as_bytes())
    }

    fn redeemed(form: &str, basic: Option<&str>) -> Result<String, &'static str> {
        let mut grants = Grants::of("http://127.0.0.1:2");
        grants.grant(&parameters(REQUEST), "abc").unwrap();
        let form = format!("grant_type=authorization_code&code=abc&{form}");
        let token = grants.redeem(&parameters(&form), basic);
        assert_eq!(grants.presented(), ["abc"]);
        token
    }

    #[test]
    fn a_client_can_identify_itself_in_the_form_or_in_the_header() {
        let redirect = "redirect_uri=http://127.0.0.1:1/";
        let token = Ok("token-of-abc".to_owned());
        assert_eq!(redeemed(&format!("{redirect}&client_id=bot"), None), token);
        assert_eq!(redeemed(redirect, basic("Basic Ym90OnNlY3JldA==").as_deref()), token);
        assert_eq!(redeemed(redirect, None), Err("invalid_grant"));
        assert_eq!(redeemed(&format!("{redirect}&client_id=other"), None), Err("invalid_grant"));
        assert_eq!(basic("Bearer Ym90OnNlY3JldA=="), None);
    }

    #[test]
    fn an_unsupported_request_is_not_granted() {
        let mut grants = Grants::default();
        let mut problem = |more: &str| {
            grants.grant(&parameters(&format!("{REQUEST}&{more}")), "abc").unwrap_err()
        };
        assert!(problem("response_mode=form_post").contains("response_mode"));
        assert!(problem("response_type=token").contains("response_type"));
        assert!(problem("code_challenge=x&code_challenge_method=plain").contains("S256"));
        assert!(problem("redirect_uri=https://192.0.2.1/").contains("loopback"));
    }

    #[test]
    fn a_redirect_uri_can_be_https() {
        let request = REQUEST.replace("http:", "https:");
        assert_eq!(Grants::default().grant(&parameters(&request), "abc"), Ok(()));
    }
}
