//! The configuration, read and checked at once.

use crate::bindings::wasi::config::store;
use crate::failure::Failure;

/// How long credentials can last, in seconds. A role may allow less.
const SHORTEST: u64 = 900;
const LONGEST: u64 = 43_200;

/// A complete configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) client_id: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) issuer: String,
    /// The URL of the issuer's keys.
    pub(crate) jwks_uri: String,
    pub(crate) scope: String,
    pub(crate) role_arn: String,
    /// How long the credentials last, in seconds.
    pub(crate) duration: u64,
    pub(crate) sts_endpoint: String,
}

impl Config {
    /// Read the configuration from the host.
    pub(crate) fn read() -> Result<Self, Failure> {
        let values = store::get_all()
            .map_err(|_| Failure::new("not_configured", "The configuration cannot be read."))?;
        Self::of(&values)
    }

    /// Check `values`. An empty value counts as missing.
    fn of(values: &[(String, String)]) -> Result<Self, Failure> {
        let get = |name: &str| {
            let value = values.iter().find(|(known, _)| known == name);
            value.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let required = |name: &str| {
            let missing = || Failure::new("not_configured", format!("`{name}` is not configured."));
            get(name).ok_or_else(missing)
        };
        let config = Self {
            client_id: required("client_id")?,
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: required("token_endpoint")?,
            issuer: required("issuer")?,
            jwks_uri: required("jwks_uri")?,
            scope: get("scope").unwrap_or_else(|| "openid email".to_owned()),
            role_arn: required("role_arn")?,
            duration: get("duration").map_or(Ok(3600), |text| seconds(&text))?,
            sts_endpoint: get("sts_endpoint")
                .unwrap_or_else(|| "https://sts.amazonaws.com/".to_owned()),
        };
        if config.role().is_empty() {
            let expected = "an ARN such as `arn:aws:iam::123456789012:role/deploy`";
            return Err(invalid("role_arn", expected, &config.role_arn));
        }
        // Without this scope, there is no ID token to send to AWS.
        if !config.scope.split(' ').any(|word| word == "openid") {
            return Err(invalid("scope", "`openid` as one of the words", &config.scope));
        }
        Ok(config)
    }

    /// The role without the account, such as `role/deploy`. Empty if the ARN is not that of a role.
    pub(crate) fn role(&self) -> &str {
        let parts: Vec<_> = self.role_arn.splitn(6, ':').collect();
        let is_role = |name: &str| name.strip_prefix("role/").is_some_and(|name| !name.is_empty());
        match parts[..] {
            ["arn", _, "iam", _, _, name] if is_role(name) => name,
            _ => "",
        }
    }
}

fn seconds(text: &str) -> Result<u64, Failure> {
    let seconds = text.parse().ok().filter(|seconds| (SHORTEST..=LONGEST).contains(seconds));
    let expected = format!("{SHORTEST} to {LONGEST} seconds");
    seconds.ok_or_else(|| invalid("duration", &expected, text))
}

fn invalid(name: &str, expected: &str, value: &str) -> Failure {
    let why = format!("Invalid `{name}` in the configuration: expected {expected}, got `{value}`.");
    Failure::new("invalid_configuration", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
    const REQUIRED: [(&str, &str); 6] = [
        ("client_id", "bot"),
        ("authorization_endpoint", "https://idp.example/authorize"),
        ("token_endpoint", "https://idp.example/token"),
        ("issuer", "https://idp.example"),
        ("jwks_uri", "https://idp.example/jwks"),
        ("role_arn", ROLE),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Config, Failure> {
        // The first value of a name counts.
        let values = more.iter().chain(&REQUIRED);
        let owned = values.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::of(&owned.collect::<Vec<_>>())
    }

    #[test]
    fn some_values_have_a_default() {
        let config = read(&[]).unwrap();
        assert_eq!(config.scope, "openid email");
        assert_eq!(config.duration, 3600);
        assert_eq!(config.sts_endpoint, "https://sts.amazonaws.com/");
        assert_eq!(config.role(), "role/deploy");
    }

    #[test]
    fn the_others_are_required() {
        for (name, _) in REQUIRED {
            let failure = read(&[(name, "")]).unwrap_err();
            assert_eq!(failure.error, "not_configured");
            assert_eq!(failure.why, format!("`{name}` is not configured."));
        }
    }

    #[test]
    fn a_duration_has_the_limits_of_aws() {
        for good in ["900", "43200"] {
            assert!(read(&[("duration", good)]).is_ok(), "{good}");
        }
        for bad in ["899", "43201", "1h", "-900", "900.5"] {
            let failure = read(&[("duration", bad)]).unwrap_err();
            let why = format!(
                "Invalid `duration` in the configuration: expected 900 to 43200 seconds, got `{bad}`."
            );
            assert_eq!((failure.error.as_str(), failure.why), ("invalid_configuration", why));
        }
    }

    #[test]
    fn a_role_has_a_partition_and_may_have_a_path() {
        for (arn, role) in [
            ("arn:aws-cn:iam::123456789012:role/a/b", "role/a/b"),
            ("arn:aws:iam::123456789012:role/", ""),
            ("arn:aws:iam::123456789012:user/ada", ""),
            ("arn:aws:sts::123456789012:role/a", ""),
            ("role/deploy", ""),
        ] {
            let read = read(&[("role_arn", arn)]);
            assert_eq!(read.map_or(String::new(), |config| config.role().to_owned()), role);
        }
    }

    #[test]
    fn the_scope_must_ask_for_an_id_token() {
        assert!(read(&[("scope", "email openid")]).is_ok());
        assert_eq!(read(&[("scope", "email")]).unwrap_err().error, "invalid_configuration");
    }
}
