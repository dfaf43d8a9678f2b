//! The values that the program gets. They have the same names for every provider.

use curtaincall_guest::Request;

use crate::config::Config;
use crate::failure::Failure;
use crate::host::{Answer, Host, Leaf, texts};
use crate::reason;
use crate::settings::Settings;
use crate::token::{self, Tokens};

/// Hand over every value: `access_token`, `token_type`, `expires_at`, `refresh_token`, `scope` and `id_token` where
/// the provider sent them, and then what the configuration keeps. Returns the values that are not secret.
///
/// `now` is the time before the token request, so that no token lasts longer than the provider says.
pub(crate) fn values<H: Host>(
    host: &H,
    config: &Config,
    settings: &Settings,
    tokens: &Tokens<H::Answer>,
    callback: &Request,
    now: u64,
) -> Result<Vec<(String, String)>, Failure> {
    let mut values = Values { host, texts: Vec::new() };
    let pointers = |name| token::pointers(config, name);
    for name in ["access_token", "token_type"] {
        values.add(name, tokens.of_access_token(&pointers(name)))?;
    }
    let expires = lifetime(tokens.of_access_token(&pointers("expires_in"))).or(settings.lifetime);
    if let Some(seconds) = expires {
        values.text("expires_at", now.saturating_add(seconds).to_string());
    }
    values.add("refresh_token", tokens.of_access_token(&pointers("refresh_token")))?;
    values.add("scope", scope(tokens, &pointers("scope")))?;
    values.add("id_token", tokens.get(&pointers("id_token")))?;
    for (name, pointers) in config.table("keep.") {
        values.add(name, tokens.get(pointers))?;
    }
    for (name, parameter) in config.table("callback.") {
        // The host refuses a value with a NUL.
        if let Some(value) = callback.parameter(parameter).filter(|value| !value.contains('\0')) {
            values.text(name, value);
        }
    }
    Ok(values.texts)
}

struct Values<'a, H> {
    host: &'a H,
    texts: Vec<(String, String)>,
}

impl<H: Host> Values<'_, H> {
    fn text(&mut self, name: &str, value: String) {
        self.texts.push((name.to_owned(), value));
    }

    fn add(&mut self, name: &str, leaf: Option<Leaf<H::Secret>>) -> Result<(), Failure> {
        match leaf {
            Some(Leaf::Secret(secret)) => {
                let handed_over = self.host.hand_over(&secret, name);
                return handed_over.map_err(|error| reason::not_handed_over(error, name));
            }
            Some(Leaf::Text(text)) => self.text(name, text),
            Some(Leaf::Number(number)) => self.text(name, number.to_string()),
            Some(Leaf::Boolean(truth)) => self.text(name, truth.to_string()),
            Some(Leaf::Null | Leaf::Items(_) | Leaf::Object) | None => {}
        }
        Ok(())
    }
}

/// A lifetime in seconds. Providers that say 0 mean a token that does not expire.
fn lifetime<S>(leaf: Option<Leaf<S>>) -> Option<u64> {
    let seconds = match leaf {
        Some(Leaf::Number(seconds)) => seconds.try_into().ok(),
        Some(Leaf::Text(seconds)) => seconds.parse().ok(),
        _ => None,
    };
    seconds.filter(|seconds| *seconds > 0)
}

/// The granted scope, with a space between two words. GitHub and Slack send commas, and Twitch sends an array.
fn scope<A: Answer>(tokens: &Tokens<A>, pointers: &str) -> Option<Leaf<A::Secret>> {
    let pointer =
        pointers.split_ascii_whitespace().find(|pointer| tokens.get(pointer).is_some())?;
    let words = match tokens.get(pointer)? {
        Leaf::Text(text) => text.split([',', ' ']).map(str::to_owned).collect(),
        // A scope that is only partly readable would say less than was granted.
        Leaf::Items(_) => texts(pointer, |at| tokens.get(at))?,
        leaf => return Some(leaf),
    };
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    Some(Leaf::Text(words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, config};
    use crate::sign_in::{self, Callback};

    const TOKEN: &str = "https://idp.example/token";

    /// Everything in the outcome, as `name=value`. Values that were handed over as secrets are in angle brackets.
    #[track_caller]
    fn outcome(json: &str, more: &[(&str, &str)]) -> String {
        let usual = [
            ("authorization_endpoint", "https://idp.example/authorize"),
            ("token_endpoint", TOKEN),
            ("client_id", "bot"),
        ];
        let host = Fake::default().answer(TOKEN, 200, json);
        let request = Request::get("/callback?code=abc&realmId=12&nul=%00");
        let config = config(&[&usual, more].concat());
        let Ok(Callback::SignedIn(signed_in)) = sign_in::answer(&host, &config, &request) else {
            panic!("not signed in");
        };
        let texts = signed_in.values.iter().map(|(name, value)| format!("{name}={value}"));
        let secrets = host.handed_over.take();
        let secrets = secrets.into_iter().map(|(name, value)| format!("{name}=<{value}>"));
        secrets.chain(texts).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_outcome_has_the_same_names_for_every_provider() {
        let json = r#"{
            "access_token": "at", "token_type": "bearer", "expires_in": 3600, "refresh_token": "rt",
            "scope": "a b", "id_token": "idt", "other": "x"
        }"#;
        assert_eq!(
            outcome(json, &[]),
            "access_token=<at> refresh_token=<rt> id_token=<idt> \
             token_type=bearer expires_at=1003600 scope=a b"
        );
    }

    #[test]
    fn values_are_found_where_the_configuration_says() {
        let json =
            r#"{ "authed_user": { "access_token": "at", "scope": "a,b" }, "access_token": "bot" }"#;
        let more = [
            ("answer.access_token", "/nothing /authed_user/access_token /access_token"),
            ("answer.scope", "/authed_user/scope"),
        ];
        assert_eq!(outcome(json, &more), "access_token=<at> scope=a b");
    }

    #[test]
    fn a_lifetime_can_be_text_or_configured_or_missing() {
        let lifetime = |expires_in: &str, more: &[(&str, &str)]| {
            let json = format!(r#"{{ "access_token": "at"{expires_in} }}"#);
            outcome(&json, more).strip_prefix("access_token=<at>").unwrap().to_owned()
        };
        assert_eq!(lifetime("", &[]), "");
        assert_eq!(lifetime(r#", "expires_in": 0"#, &[]), "");
        assert_eq!(lifetime(r#", "expires_in": -5"#, &[]), "");
        assert_eq!(lifetime(r#", "expires_in": "60""#, &[]), "", "a secret");
        assert_eq!(lifetime("", &[("expires_in", "60")]), " expires_at=1000060");
        assert_eq!(
            lifetime(r#", "expires_in": 5"#, &[("expires_in", "60")]),
            " expires_at=1000005"
        );
    }

    #[test]
    fn a_scope_can_be_an_array() {
        let json = r#"{ "access_token": "at", "scope": ["a", "b:c"] }"#;
        assert_eq!(outcome(json, &[]), "access_token=<at> scope=a b:c");
        let json = r#"{ "access_token": "at", "scope": ["a", 5] }"#;
        assert_eq!(outcome(json, &[]), "access_token=<at>");
        let json = r#"{ "access_token": "at", "scope": [] }"#;
        assert_eq!(outcome(json, &[]), "access_token=<at> scope=");
    }

    #[test]
    fn further_values_are_kept_from_the_answer_and_from_the_callback() {
        let json = r#"{ "access_token": "at", "team": { "id": "T1", "on": true, "n": null } }"#;
        let more = [
            ("keep.team.id", "/team/id"),
            ("keep.on", "/team/on"),
            ("keep.none", "/team/n"),
            ("keep.object", "/team"),
            ("callback.realm", "realmId"),
            ("callback.nul", "nul"),
            ("callback.missing", "missing"),
        ];
        assert_eq!(outcome(json, &more), "access_token=<at> team.id=<T1> on=true realm=12");
    }
}
