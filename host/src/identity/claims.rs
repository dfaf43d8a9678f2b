//! The claims of an ID token: what they must say, and which ones can be read.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::{Expectation, Problem};
use crate::session::Secret;

/// How much the clocks of the provider and of this computer may differ, in seconds.
const SKEW: i64 = 60;

/// The longest `sub`, in characters (OpenID Connect Core 1.0, section 2).
const SUBJECT_LIMIT: usize = 255;

/// The placeholder for the token's own `tid` in an expected issuer, as in the metadata of Microsoft Entra.
const TENANT: &str = "{tenantid}";

/// The claims that every guest may read. They identify the user and the token, and none of them is a credential.
const READABLE: [&str; 20] = [
    "sub",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "preferred_username",
    "email",
    "email_verified",
    "locale",
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "auth_time",
    "acr",
    "amr",
    "tid",
    "oid",
    "hd",
];

/// The members with the sources of aggregated and distributed claims, which can contain access tokens
/// (OpenID Connect Core 1.0, section 5.6.2).
const SOURCES: [&str; 2] = ["_claim_names", "_claim_sources"];

/// The claims of a verified ID token. `Debug` shows none of them.
#[derive(Clone)]
pub struct Claims(Map<String, Value>);

/// The value of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
    /// An array of strings.
    Texts(Vec<String>),
}

impl Claims {
    /// Checks the claims (OpenID Connect Core 1.0, section 3.1.3.7).
    pub(super) fn check(
        claims: Map<String, Value>,
        expected: &Expectation,
        nonce: &Secret,
        now: SystemTime,
    ) -> Result<Self, Problem> {
        let claims = Self(claims);
        let is_nonce = claims.text("nonce").is_some_and(|text| nonce.matches(text));
        if !claims.is_from(&expected.issuer) {
            Err(Problem::Issuer)
        } else if !claims.is_for(&expected.audience) {
            Err(Problem::Audience)
        } else if !claims.is_current(now, expected.max_age) {
            Err(Problem::Time)
        } else if !is_nonce {
            Err(Problem::Nonce)
        } else if !claims.is_about(expected.subject.as_deref()) {
            Err(Problem::Subject)
        } else {
            Ok(claims)
        }
    }

    /// The claim `name`. `None` if it is missing, if its value is of another kind, or if the guest may not read it.
    /// Every guest may read a fixed list of claims, and this one also those in `allowed`.
    pub fn get(&self, name: &str, allowed: &[String]) -> Option<Claim> {
        let is_allowed = READABLE.contains(&name) || allowed.iter().any(|other| other == name);
        if !is_allowed || SOURCES.contains(&name) {
            return None;
        }
        match self.0.get(name)? {
            Value::Bool(value) => Some(Claim::Boolean(*value)),
            Value::Number(_) => self.whole_number(name).map(Claim::Number),
            Value::String(text) => Some(Claim::Text(text.clone())),
            Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Claim::Texts)
            }
            Value::Null | Value::Object(_) => None,
        }
    }

    /// The texts and numbers that a guest can read, besides those that it expected: its issuer and its audience.
    pub fn unknown(&self, allowed: &[String], expected: &Expectation) -> Vec<String> {
        let mut found = Vec::new();
        for name in self.0.keys() {
            match self.get(name, allowed) {
                Some(Claim::Text(text)) => found.push(text),
                Some(Claim::Texts(texts)) => found.extend(texts),
                Some(Claim::Number(number)) => found.push(number.to_string()),
                Some(Claim::Boolean(_)) | None => {}
            }
        }
        found.retain(|text| ![&expected.issuer, &expected.audience].contains(&text));
        found
    }

    /// The `sub`. A later token of the same run must have the same.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    fn is_from(&self, issuer: &str) -> bool {
        let Some(own) = self.text("iss") else { return false };
        if !issuer.contains(TENANT) {
            return own == issuer;
        }
        // A GUID, or another word that stays within one segment of the URL.
        let is_word = |tid: &&str| {
            (1..=63).contains(&tid.len())
                && tid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let tenant = self.text("tid").filter(is_word);
        tenant.is_some_and(|tenant| own == issuer.replace(TENANT, tenant))
    }

    /// Returns whether the token is for `audience`. A token for several audiences needs an `azp`, and an `azp` must be
    /// `audience`.
    fn is_for(&self, audience: &str) -> bool {
        let (is_included, is_alone) = match self.0.get("aud") {
            Some(Value::String(only)) => (only == audience, true),
            Some(Value::Array(all)) => {
                let is_text = all.iter().all(Value::is_string);
                (is_text && all.iter().any(|one| one == audience), all.len() == 1)
            }
            _ => (false, false),
        };
        let is_authorized = match self.0.get("azp") {
            None => is_alone,
            Some(azp) => azp == audience,
        };
        is_included && is_authorized
    }

    fn is_current(&self, now: SystemTime, max_age: Option<u64>) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let latest = now.saturating_add(SKEW);
        let is_past = |name| self.seconds(name).is_some_and(|time| time <= latest);
        let is_valid_now = !self.0.contains_key("nbf") || is_past("nbf");
        let is_unexpired = self.seconds("exp").is_some_and(|exp| exp > now.saturating_sub(SKEW));
        let is_fresh = max_age.is_none_or(|max_age| {
            let max_age = i64::try_from(max_age).unwrap_or(i64::MAX);
            let earliest = now.saturating_sub(SKEW).saturating_sub(max_age);
            is_past("auth_time") && self.seconds("auth_time").is_some_and(|time| time >= earliest)
        });
        is_past("iat") && is_valid_now && is_unexpired && is_fresh
    }

    fn is_about(&self, subject: Option<&str>) -> bool {
        let is_valid = |own: &&str| (1..=SUBJECT_LIMIT).contains(&own.len()) && own.is_ascii();
        let own = self.text("sub").filter(is_valid);
        own.is_some_and(|own| subject.is_none_or(|subject| own == subject))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A time in seconds since 1970, which may have a fraction (RFC 7519, section 2).
    fn seconds(&self, name: &str) -> Option<i64> {
        let number = self.0.get(name)?;
        number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))
    }

    /// A number without a fraction. `1e3` is one, too.
    fn whole_number(&self, name: &str) -> Option<i64> {
        let number = self.0.get(name)?;
        let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() < (1_i64 << 53) as f64;
        number.as_i64().or_else(|| number.as_f64().filter(is_whole).map(|number| number as i64))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims([redacted])")
    }
}
