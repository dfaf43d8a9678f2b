//! The settings of the sign-in itself, read before the browser opens.

use crate::config::Config;
use crate::failure::Failure;
use crate::host::Method;
use crate::names;

/// How the sign-in differs from the usual one.
pub(crate) struct Settings {
    /// Whether the sign-in uses PKCE.
    pub(crate) pkce: bool,
    /// Whether the sign-in uses a nonce, so that an ID token can be validated.
    pub(crate) nonce: bool,
    /// Whether the provider must return an ID token.
    pub(crate) openid: bool,
    pub(crate) token_body: TokenBody,
    /// The lifetime of an access token whose answer names none, in seconds.
    pub(crate) lifetime: Option<u64>,
    /// The largest age of the person's last login, in seconds.
    pub(crate) max_age: Option<u64>,
    /// The second exchange, if there is one.
    pub(crate) second: Option<Second>,
}

/// Where the parameters of the token request are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum TokenBody {
    Form,
    Json,
    Query,
}

/// A second exchange, of the access token for another one.
pub(crate) struct Second {
    pub(crate) url: String,
    pub(crate) method: Method,
}

/// The values of the outcome that every provider has.
pub(crate) const STANDARD: [&str; 6] =
    ["access_token", "token_type", "expires_at", "refresh_token", "scope", "id_token"];

impl Settings {
    pub(crate) fn read(config: &Config) -> Result<Self, Failure> {
        names::check(config)?;
        check_names(config)?;
        let scope = config.get("scope").unwrap_or_default();
        let openid = scope.split_ascii_whitespace().any(|word| word == "openid");
        let bodies =
            [("form", TokenBody::Form), ("json", TokenBody::Json), ("query", TokenBody::Query)];
        Ok(Self {
            pkce: config.flag("pkce", true)?,
            nonce: config.flag("nonce", openid)?,
            openid,
            token_body: config.choice("token_body", &bodies)?.unwrap_or(TokenBody::Form),
            lifetime: config.seconds("expires_in")?,
            max_age: config.seconds("authorize.max_age")?,
            second: Second::read(config)?,
        })
    }
}

impl Second {
    fn read(config: &Config) -> Result<Option<Self>, Failure> {
        let methods = [("GET", Method::Get), ("POST", Method::Post)];
        let method = config.choice("second.method", &methods)?;
        let has_form = config.table("second.form.").next().is_some();
        let default = if has_form { Method::Post } else { Method::Get };
        let url = config.url("second.url")?;
        Ok(url.map(|url| Self { url, method: method.unwrap_or(default) }))
    }
}

/// Check that no two values of the outcome have the same name. As a shell variable, `team.id` and `team_id` are the
/// same name.
fn check_names(config: &Config) -> Result<(), Failure> {
    let mut taken: Vec<String> = STANDARD.map(variable).into();
    for table in ["keep.", "callback."] {
        for (name, value) in config.table(table) {
            let variable = variable(name);
            if taken.contains(&variable) {
                let name = format!("{table}{name}");
                return Err(Failure::invalid(&name, value, "a name that no other value has"));
            }
            taken.push(variable);
        }
    }
    Ok(())
}

fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Settings, Failure> {
        let owned = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(&Config::new(owned.collect()))
    }

    #[test]
    fn without_settings_the_sign_in_is_the_usual_one() {
        let settings = read(&[]).unwrap();
        assert!(settings.pkce && !settings.nonce && !settings.openid);
        assert!(settings.token_body == TokenBody::Form && settings.second.is_none());
    }

    #[test]
    fn the_scope_openid_turns_the_nonce_on() {
        assert!(read(&[("scope", "email openid")]).unwrap().nonce);
        assert!(!read(&[("scope", "openidx")]).unwrap().nonce);
        assert!(!read(&[("scope", "openid"), ("nonce", "false")]).unwrap().nonce);
    }

    #[test]
    fn a_second_exchange_with_a_form_is_a_post() {
        let second = |name: &str| {
            read(&[("second.url", "https://a.example/b"), (name, "c")]).unwrap().second.unwrap()
        };
        assert_eq!(second("second.form.d").method, Method::Post);
        assert_eq!(second("second.query.d").method, Method::Get);
        assert!(read(&[("second.method", "PUT")]).is_err());
    }

    #[test]
    fn two_values_of_the_outcome_with_one_name_are_a_failure() {
        assert!(read(&[("keep.team.id", "/a"), ("keep.team.name", "/b")]).is_ok());
        for names in [["keep.team.id", "callback.team_id"], ["keep.Scope", "keep.b"]] {
            let failure = read(&names.map(|name| (name, "/a"))).map(|_| ()).unwrap_err();
            assert_eq!(failure.error, "invalid_configuration", "{names:?}");
        }
    }
}
