//! The options of a test, by name.

use std::str::FromStr as _;

use super::{Setup, SetupError};
use crate::grants::GrantError;
use crate::limits::{self, Limit};
use crate::reply::PageGrant;
use crate::request::CallbackPath;

/// The limits that apply when a guest is loaded, which happens once for all cases.
const SHARED: [Limit; 5] =
    [Limit::Stack, Limit::Component, Limit::Compiled, Limit::CompileTime, Limit::CompileMemory];

impl Setup {
    /// Sets an option by its name: `clock` (RFC 3339), `seed`, `path`, `issuer`, `allow-page`, `allow-net`,
    /// `allow-open`, `allow-reveal`, or `max-` and the name of a limit. The values of `allow-net` and `allow-open` are
    /// added to earlier ones. `allow-reveal` names a secret that is already set.
    ///
    /// # Errors
    /// Fails if the name is unknown or the value is invalid.
    pub fn option(&mut self, name: &str, value: &str) -> Result<&mut Self, SetupError> {
        let invalid = |problem: String| SetupError::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            problem,
        };
        match name {
            "clock" => {
                self.clock = humantime::parse_rfc3339(value).map_err(|_| {
                    invalid("expected a time such as `2026-01-31T12:00:00Z`".to_owned())
                })?;
            }
            "seed" => {
                self.seed = value.parse().map_err(|_| {
                    invalid(format!("expected a whole number from 0 to {}", u64::MAX))
                })?;
            }
            "path" => {
                self.path = CallbackPath::from_str(value).map_err(|e| invalid(e.to_string()))?;
            }
            "issuer" => self.issuer = Some(value.to_owned()),
            "allow-net" => {
                grant(value, |url| self.net.allow(url).map(|_| ())).map_err(invalid)?;
            }
            "allow-open" => {
                grant(value, |origin| self.net.allow_open(origin).map(|_| ())).map_err(invalid)?;
            }
            "allow-reveal" => {
                if !self.variables.reveal(value) {
                    return Err(invalid("expected the name of a secret".to_owned()));
                }
            }
            "allow-page" => {
                let grants: Result<Vec<PageGrant>, _> =
                    value.split(',').map(|grant| grant.trim().parse()).collect();
                let grants = grants.map_err(|error| invalid(format!("{error}")))?;
                self.page = grants.into_iter().collect();
            }
            _ => {
                let limit = limits::LIMITS.iter().find(|limit| limits::setting(**limit) == name);
                let limit = *limit.ok_or_else(|| SetupError::Option(name.to_owned()))?;
                if SHARED.contains(&limit) {
                    return Err(SetupError::Shared(name.to_owned()));
                }
                limits::set(&mut self.limits, limit, value).map_err(invalid)?;
                self.overrides.push((limit, value.to_owned()));
            }
        }
        Ok(self)
    }
}

/// Grants each of the URLs in `list`, which commas separate.
fn grant(list: &str, mut allow: impl FnMut(&str) -> Result<(), GrantError>) -> Result<(), String> {
    let mut urls = list.split(',').map(str::trim);
    urls.try_for_each(|url| allow(url).map_err(|error| error.to_string()))
}
