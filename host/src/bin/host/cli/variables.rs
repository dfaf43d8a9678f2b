//! The variables of a guest: the syntax of `--config` and `--secret`.

use std::collections::HashSet;
use std::env::{self, VarError};
use std::io;
use std::path::{Path, PathBuf};

use curtaincall::Variables;
use curtaincall::error::VariableError;
use curtaincall::internals::files;

/// The syntax of `--secret`.
const SECRET: &str = "`NAME=env:VARIABLE` or `NAME=file:PATH`";

/// Why the variables are invalid or cannot be read. Never contains a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VariableArgsError {
    /// A value of `--config` has no `=`. The text is a name, so it can be shown.
    #[error("missing `=` in --config `{0}`: expected `NAME=VALUE`")]
    NoEquals(String),
    /// A value of this flag has no name before the `=`.
    #[error("missing name before the `=` in {flag}: expected {expected}")]
    NoName { flag: &'static str, expected: &'static str },
    /// A secret does not name a source. Its text is not repeated, since it may be the secret itself.
    #[error("invalid secret{}: expected {SECRET}", .0.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default())]
    NoSource(Option<String>),
    /// Two variables, or a variable and a secret, have the same name.
    #[error("duplicate variable `{0}`")]
    Twice(String),
    /// Two secrets have the same name.
    #[error("duplicate secret `{0}`")]
    SecretTwice(String),
    /// The environment variable of a secret is not set or not UTF-8.
    #[error("cannot read the secret `{name}`: the environment variable `{variable}` {problem}")]
    Environment { name: String, variable: String, problem: &'static str },
    /// The file of a secret cannot be read.
    #[error("cannot read the secret `{name}` from `{}`", .path.display())]
    Read { name: String, path: PathBuf, source: io::Error },
    /// A secret is empty.
    #[error("the secret `{0}` is empty")]
    Empty(String),
    /// A name of `--allow-reveal` is not the name of a secret.
    #[error("unknown secret `{0}` in --allow-reveal: expected the name of a `--secret`")]
    NoSecret(String),
    /// The file of `--config-file` is invalid or cannot be read.
    #[error(transparent)]
    File(#[from] VariableError),
}

/// Combines the variables of a TOML file with `NAME=VALUE` pairs and secrets, which override those of the file.
///
/// # Errors
/// Fails if one of them is invalid or cannot be read, or if two pairs or secrets have the same name.
pub(super) fn gather(
    file: Option<&Path>,
    pairs: &[String],
    secrets: &[String],
) -> Result<Variables, VariableArgsError> {
    let secrets = secrets.iter().map(|text| SecretSource::parse(text));
    let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
    let mut variables = file.map(Variables::from_file).transpose()?.unwrap_or_default();
    let mut given = HashSet::new();
    for pair in pairs {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| VariableArgsError::NoEquals(pair.clone()))?;
        if name.is_empty() {
            return Err(VariableArgsError::NoName { flag: "--config", expected: "`NAME=VALUE`" });
        }
        if !given.insert(name) {
            return Err(VariableArgsError::Twice(name.to_owned()));
        }
        variables.set(name, value);
    }
    let mut named = HashSet::new();
    for secret in &secrets {
        if !named.insert(&secret.name) {
            return Err(VariableArgsError::SecretTwice(secret.name.clone()));
        }
        if given.contains(&*secret.name) {
            return Err(VariableArgsError::Twice(secret.name.clone()));
        }
        variables.set_secret(&secret.name, &secret.read()?);
    }
    Ok(variables)
}

/// The source of a secret. The command line never contains the secret itself.
#[derive(Debug, PartialEq, Eq)]
struct SecretSource {
    name: String,
    source: Source,
}

#[derive(Debug, PartialEq, Eq)]
enum Source {
    Environment(String),
    File(PathBuf),
}

impl SecretSource {
    /// Parses `NAME=env:VARIABLE` or `NAME=file:PATH`.
    fn parse(text: &str) -> Result<Self, VariableArgsError> {
        let (name, source) = text.split_once('=').ok_or(VariableArgsError::NoSource(None))?;
        if name.is_empty() {
            return Err(VariableArgsError::NoName { flag: "--secret", expected: SECRET });
        }
        let name = name.to_owned();
        let source = match source.split_once(':') {
            Some(("env", variable)) if !variable.is_empty() => Source::Environment(variable.into()),
            Some(("file", path)) if !path.is_empty() => Source::File(path.into()),
            _ => return Err(VariableArgsError::NoSource(Some(name))),
        };
        Ok(Self { name, source })
    }

    /// Reads the secret. Drops one line feed at the end of a file, because editors add one.
    fn read(&self) -> Result<String, VariableArgsError> {
        let Self { name, source } = self;
        let value = match source {
            Source::Environment(variable) => env::var(variable).map_err(|error| {
                let problem = match error {
                    VarError::NotPresent => "is not set",
                    VarError::NotUnicode(_) => "is not UTF-8",
                };
                let (name, variable) = (name.clone(), variable.clone());
                VariableArgsError::Environment { name, variable, problem }
            })?,
            // The file may be a pipe, such as `file:<(pass show client)` in a shell.
            Source::File(path) => {
                let mut text = files::text(path).map_err(|source| VariableArgsError::Read {
                    name: name.clone(),
                    path: path.clone(),
                    source,
                })?;
                if text.ends_with('\n') {
                    text.truncate(text.len() - if text.ends_with("\r\n") { 2 } else { 1 });
                }
                text
            }
        };
        if value.is_empty() { Err(VariableArgsError::Empty(name.clone())) } else { Ok(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_names_its_source() {
        let secret = |source| SecretSource { name: "a".to_owned(), source };
        let parse = |text| SecretSource::parse(text).map_err(|error| error.to_string());
        assert_eq!(parse("a=env:B"), Ok(secret(Source::Environment("B".to_owned()))));
        assert_eq!(parse("a=file:b:c=d"), Ok(secret(Source::File("b:c=d".into()))));
        let expected = "expected `NAME=env:VARIABLE` or `NAME=file:PATH`";
        assert_eq!(parse("hunter2"), Err(format!("invalid secret: {expected}")));
        for without in ["a=hunter2", "a=env:", "a=file:", "a="] {
            assert_eq!(parse(without), Err(format!("invalid secret `a`: {expected}")));
        }
        let nameless = format!("missing name before the `=` in --secret: {expected}");
        assert_eq!(parse("=env:B"), Err(nameless));
    }

    #[test]
    fn a_missing_or_duplicate_name_is_an_error() {
        let gather = |pairs: &[&str]| {
            let pairs: Vec<_> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
            gather(None, &pairs, &[]).map_err(|error| error.to_string())
        };
        let variables = gather(&["a=b=c", "d="]).unwrap();
        assert_eq!((variables.get("a"), variables.get("d")), (Some("b=c"), Some("")));
        assert_eq!(gather(&["a=b", "a=b"]).unwrap_err(), "duplicate variable `a`");
        for (without, problem) in [
            ("a", "missing `=` in --config `a`: expected `NAME=VALUE`"),
            ("=b", "missing name before the `=` in --config: expected `NAME=VALUE`"),
        ] {
            assert_eq!(gather(&[without]).unwrap_err(), problem);
        }
    }
}
