//! Grants in TOML: a file of the person, and a part of each preset. `guest/PROVIDERS.md` describes the keys.
//!
//! ```toml
//! open = ["https://provider.example"]
//! origins = ["https://api.provider.example"]
//! private = false
//! pkce = true
//!
//! [[endpoint]]
//! url = "https://provider.example/token"
//! secrets = ["client_secret", "code", "code_verifier"]
//! readable = ["/team/name"]
//! headers = ["notion-version"]
//! claims = ["groups"]
//! ```

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::endpoint::{self, Endpoint};
use super::{GrantError, NetGrants};

/// The grants of a TOML file, before they are checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantTable {
    #[serde(default)]
    open: Vec<Spanned<String>>,
    #[serde(default)]
    origins: Vec<Spanned<String>>,
    #[serde(default)]
    private: bool,
    #[serde(default = "on")]
    pkce: bool,
    #[serde(default)]
    endpoint: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: Spanned<String>,
    secrets: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    readable: Vec<Spanned<String>>,
    #[serde(default)]
    headers: Vec<Spanned<String>>,
    #[serde(default)]
    claims: Vec<Spanned<String>>,
}

fn on() -> bool {
    true
}

/// Reads the grants in `text`.
pub(super) fn parse(text: &str) -> Result<NetGrants, GrantError> {
    let table: GrantTable =
        toml::from_str(text).map_err(|error| at(text, error.span(), error.message()))?;
    table.check(text)
}

impl GrantTable {
    /// Replaces each URL with what `fill` returns for it.
    ///
    /// # Errors
    /// Fails if `fill` does.
    pub(crate) fn fill<E>(
        &mut self,
        mut fill: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<(), E> {
        let endpoints = self.endpoint.iter_mut().map(|entry| &mut entry.url);
        for url in self.open.iter_mut().chain(&mut self.origins).chain(endpoints) {
            let filled = fill(url.get_ref())?;
            *url.get_mut() = filled;
        }
        Ok(())
    }

    /// Checks the grants. An error names the place in `text`, from which they were read.
    ///
    /// # Errors
    /// Fails if a grant is invalid.
    pub(crate) fn check(&self, text: &str) -> Result<NetGrants, GrantError> {
        let mut grants =
            NetGrants { private: self.private, pkce: self.pkce, ..NetGrants::default() };
        endpoint::add(&mut grants.open, each(text, &self.open, endpoint::origin)?);
        endpoint::add(&mut grants.origins, each(text, &self.origins, endpoint::origin)?);
        for entry in &self.endpoint {
            let url = one(text, &entry.url, endpoint::url)?;
            if grants.endpoint(&url).is_some() {
                let twice = GrantError::Twice(url.into());
                return Err(at(text, Some(entry.url.span()), &twice.to_string()));
            }
            let mut granted = Endpoint::new(url);
            if let Some(secrets) = &entry.secrets {
                granted.secrets = each(text, secrets, endpoint::secret)?;
            }
            granted.readable = each(text, &entry.readable, endpoint::readable)?;
            granted.headers = each(text, &entry.headers, endpoint::header)?;
            granted.claims = each(text, &entry.claims, endpoint::claim)?;
            grants.endpoints.push(granted);
        }
        Ok(grants)
    }
}

type Check<T> = fn(&str) -> Result<T, GrantError>;

fn each<T>(text: &str, values: &[Spanned<String>], check: Check<T>) -> Result<Vec<T>, GrantError> {
    values.iter().map(|value| one(text, value, check)).collect()
}

fn one<T>(text: &str, value: &Spanned<String>, check: Check<T>) -> Result<T, GrantError> {
    check(value.as_ref()).map_err(|error| at(text, Some(value.span()), &error.to_string()))
}

fn at(text: &str, span: Option<Range<usize>>, message: &str) -> GrantError {
    let (line, column) = place(text, span);
    GrantError::File { line, column, message: message.trim_end().to_owned() }
}

/// Returns the line and the column at which `span` begins, both from 1. The column is in characters.
pub(crate) fn place(text: &str, span: Option<Range<usize>>) -> (usize, usize) {
    let before = &text[..span.map_or(0, |span| span.start.min(text.len()))];
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_grants_what_it_lists() {
        let grants = parse(
            r#"
            open = ["https://provider.example", "https://provider.example/"]
            origins = ["https://api.provider.example"]
            private = true
            pkce = false

            [[endpoint]]
            url = "https://provider.example/token"
            secrets = ["client_secret", "client_assertion"]
            readable = ["login", "/team/name"]
            headers = ["Notion-Version"]
            claims = ["groups"]

            [[endpoint]]
            url = "https://provider.example/"
            "#,
        )
        .unwrap();
        let [token, root] = grants.endpoints() else { panic!("{grants:?}") };
        assert_eq!(token.to_string(), "https://provider.example/token");
        assert_eq!(token.secrets(), ["client_secret", "client_assertion"]);
        assert_eq!(token.readable(), ["login", "/team/name"]);
        assert_eq!(token.headers(), ["notion-version"]);
        assert_eq!(token.claims(), ["groups"]);
        assert_eq!(root.secrets(), Endpoint::new(root.url().clone()).secrets());
        assert!(
            root.readable().is_empty() && root.headers().is_empty() && root.claims().is_empty()
        );
        assert_eq!(grants.open_origins().collect::<Vec<_>>(), ["https://provider.example"]);
        assert_eq!(grants.origins().collect::<Vec<_>>(), ["https://api.provider.example"]);
        assert!(grants.private() && !grants.pkce());
        // Counter-check: what a file does not mention has the safe default.
        assert_eq!(parse("").unwrap(), NetGrants::default());
    }

    #[test]
    fn an_error_has_a_place_and_says_what_was_expected() {
        for (text, line, column, message) in [
            (
                "opne = []",
                1,
                1,
                "unknown field `opne`, expected one of `open`, `origins`, `private`, `pkce`, `endpoint`",
            ),
            ("\nopen = 1", 2, 8, "invalid type: integer `1`, expected a sequence"),
            ("pkce = \"no\"", 1, 8, "invalid type: string \"no\", expected a boolean"),
            ("[[endpoint]]", 1, 1, "missing field `url`"),
            (
                "[[endpoint]]\nurl = \"https://h/\"\nclaim = []",
                3,
                1,
                "unknown field `claim`, expected one of `url`, `secrets`, `readable`, `headers`, `claims`",
            ),
            (
                "open = [\n  \"http://h\"]",
                2,
                3,
                "invalid network grant `http://h`: expected `https`, because `http` is only allowed for `localhost` and loopback addresses",
            ),
            (
                "origins = [\"https://h/a\"]",
                1,
                12,
                "invalid network grant `https://h/a`: expected an origin such as `https://provider.example`, without a path",
            ),
            (
                "[[endpoint]]\nurl = \"https://h\"",
                2,
                7,
                "invalid endpoint `https://h`: expected a URL with a path; for the root, write `/` at its end",
            ),
            (
                "[[endpoint]]\nurl = \"https://h/a\"\n[[endpoint]]\nurl = \"https://H/a\"",
                4,
                7,
                "duplicate endpoint `https://h/a`",
            ),
        ] {
            let expected = GrantError::File { line, column, message: message.to_owned() };
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn names_are_checked() {
        let entry = |field: &str, name: &str| {
            parse(&format!("[[endpoint]]\nurl = \"https://h/a\"\n{field} = ['{name}']"))
        };
        for (field, good, bad) in [
            ("secrets", "client_assertion", &["", "a b", "a\u{e9}"][..]),
            (
                "readable",
                "/a~1b/0",
                &[
                    "",
                    "/",
                    "/a/",
                    "a b",
                    "/a~2",
                    "access_token",
                    "/a/id_token",
                    "error_description",
                ],
            ),
            (
                "headers",
                "x-api-version",
                &[
                    "",
                    "a b",
                    "Authorization",
                    "cookie",
                    "HOST",
                    "content-length",
                    "transfer-encoding",
                    "te",
                ],
            ),
            ("claims", "https://claims.example/groups", &["", "_claim_sources", "_claim_names"]),
        ] {
            assert!(entry(field, good).is_ok(), "{field} {good}");
            for name in bad {
                let Err(GrantError::File { line: 3, message, .. }) = entry(field, name) else {
                    panic!("{field} `{name}` is accepted");
                };
                assert!(message.contains(&format!("`{name}`: expected a ")), "{message}");
            }
        }
    }
}
