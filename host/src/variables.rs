//! What a guest is configured with, and the secrets that it is trusted with: `wasi:config/store`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use toml::{Table, Value};

use crate::redaction::Redaction;
use crate::session::Secret;

/// The longest file of variables, or of one secret, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// Names and values, in the order of the names. `Debug` shows names only, and clones are cheap.
#[derive(Clone, Default)]
pub struct Variables {
    values: Arc<BTreeMap<String, Variable>>,
    /// Made once, when the first text is shown.
    redaction: OnceLock<Arc<Redaction>>,
}

#[derive(Clone)]
enum Variable {
    Plain(String),
    Secret(Secret),
}

/// Why there are no such variables. Never carries a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// Every variable has a name.
    #[error("a variable is `NAME=VALUE`, with a name before the `=`")]
    NoName,
    /// A secret is not given in clear.
    #[error("a secret is `NAME=env:VARIABLE` or `NAME=file:PATH`{}", .0.as_ref().map(|name| format!(", but that of `{name}` is neither")).unwrap_or_default())]
    NoSource(Option<String>),
    /// Which of them counts?
    #[error("the variable `{0}` is given twice")]
    Twice(String),
    /// The environment has no such variable.
    #[error("the secret `{name}` is to come from the environment, where `{variable}` {problem}")]
    Environment {
        /// Of the secret.
        name: String,
        /// Of the environment.
        variable: String,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("`{}` is not valid TOML, at line {line}, column {column}: {message}", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The store has text only.
    #[error("`{name}` in `{}` is a list; a variable is text, a number or a boolean", .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Of the variable.
        name: String,
    },
    /// A secret that is shown as it is would be shown everywhere.
    #[error("the secret `{0}` is empty")]
    Empty(String),
}

/// Where the value of a secret is: `NAME=env:VARIABLE` or `NAME=file:PATH`. Never in the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSource {
    name: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Environment(String),
    File(PathBuf),
}

impl FromStr for SecretSource {
    type Err = VariableError;

    fn from_str(text: &str) -> Result<Self, VariableError> {
        let (name, source) = text.split_once('=').ok_or(VariableError::NoSource(None))?;
        let name = named(name)?.to_owned();
        let source = match source.split_once(':') {
            Some(("env", variable)) if !variable.is_empty() => Source::Environment(variable.into()),
            Some(("file", path)) if !path.is_empty() => Source::File(path.into()),
            _ => return Err(VariableError::NoSource(Some(name))),
        };
        Ok(Self { name, source })
    }
}

impl SecretSource {
    /// Of a file, one line feed at its end is not part of the secret: editors put it there.
    fn read(&self) -> Result<Secret, VariableError> {
        let Self { name, source } = self;
        let value = match source {
            Source::Environment(variable) => std::env::var(variable).map_err(|error| {
                let problem = match error {
                    std::env::VarError::NotPresent => "is not set",
                    std::env::VarError::NotUnicode(_) => "is not UTF-8",
                };
                VariableError::Environment {
                    name: name.clone(),
                    variable: variable.clone(),
                    problem,
                }
            })?,
            Source::File(path) => {
                let mut text = read(path)?;
                if text.ends_with('\n') {
                    text.truncate(text.len() - if text.ends_with("\r\n") { 2 } else { 1 });
                }
                text
            }
        };
        if value.is_empty() { Err(VariableError::Empty(name.clone())) } else { Ok(value.into()) }
    }
}

impl Variables {
    /// Those of a TOML file, then `NAME=VALUE` pairs, which replace them, then secrets.
    ///
    /// # Errors
    /// When one of them cannot be read, or two of the last two have the same name.
    #[doc(hidden)]
    pub fn gather(
        file: Option<&Path>,
        pairs: &[String],
        secrets: &[SecretSource],
    ) -> Result<Self, VariableError> {
        let mut variables = file.map(Self::from_file).transpose()?.unwrap_or_default();
        let mut given = Vec::new();
        let mut once = |name: &str| {
            if given.contains(&name.to_owned()) {
                Err(VariableError::Twice(name.to_owned()))
            } else {
                given.push(name.to_owned());
                Ok(())
            }
        };
        for pair in pairs {
            let (name, value) = pair.split_once('=').ok_or(VariableError::NoName)?;
            once(named(name)?)?;
            variables.set(name, value);
        }
        for secret in secrets {
            once(&secret.name)?;
            variables.insert(&secret.name, Variable::Secret(secret.read()?));
        }
        Ok(variables)
    }

    /// The texts, numbers and booleans of a TOML file; `name` in the table `table` is called `table.name`.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or has a list.
    pub fn from_file(path: &Path) -> Result<Self, VariableError> {
        let text = read(path)?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            VariableError::Toml {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                message: error.message().to_owned(),
            }
        })?;
        let mut variables = Self::default();
        let listed = |name| VariableError::List { path: path.to_owned(), name };
        variables.flatten("", table).map_err(listed).map(|()| variables)
    }

    /// # Errors
    /// The name of a list: there is no one text for it.
    fn flatten(&mut self, prefix: &str, table: Table) -> Result<(), String> {
        table.into_iter().try_for_each(|(name, value)| {
            let name = format!("{prefix}{name}");
            match value {
                Value::Table(table) => return self.flatten(&format!("{name}."), table),
                Value::Array(_) => return Err(name),
                Value::String(text) => self.set(&name, &text),
                Value::Integer(number) => self.set(&name, &number.to_string()),
                Value::Float(number) => self.set(&name, &number.to_string()),
                Value::Boolean(truth) => self.set(&name, &truth.to_string()),
                Value::Datetime(time) => self.set(&name, &time.to_string()),
            }
            Ok(())
        })
    }

    /// Set one variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.insert(name, Variable::Plain(value.to_owned()));
    }

    /// Set a secret: only the guest may see its value.
    pub fn set_secret(&mut self, name: &str, value: &str) {
        self.insert(name, Variable::Secret(value.to_owned().into()));
    }

    fn insert(&mut self, name: &str, value: Variable) {
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value);
        self.redaction = OnceLock::new();
    }

    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(Variable::expose)
    }

    /// All names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// `text` with every secret in it made unreadable. Of a secret of several lines, each counts that has at
    /// least four bytes. Takes time by the length of `text`, whatever the secrets are.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redaction().redact(text)
    }

    /// Whether a secret is in `bytes`.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        matches!(self.redact(&String::from_utf8_lossy(bytes)), Cow::Owned(_))
    }

    /// The beginning of `text` as a message shows it: without secrets, and nothing in it acts on a terminal.
    pub(crate) fn shown(&self, text: &dyn fmt::Display, limit: usize) -> String {
        self.redaction().shown(text, limit)
    }

    pub(crate) fn redaction(&self) -> &Redaction {
        self.redaction.get_or_init(|| Arc::new(Redaction::of(self.secrets())))
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = self.values.values().filter(|value| matches!(value, Variable::Secret(_)));
        secrets.map(Variable::expose)
    }
}

impl Variable {
    fn expose(&self) -> &str {
        match self {
            Self::Plain(value) => value,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

fn named(name: &str) -> Result<&str, VariableError> {
    if name.is_empty() { Err(VariableError::NoName) } else { Ok(name) }
}

/// A pipe will do: `file:<(pass show client)` of a shell.
fn read(path: &Path) -> Result<String, VariableError> {
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(FILE_LIMIT + 1).read_to_string(&mut text))
        .and_then(|_| {
            if text.len() as u64 > FILE_LIMIT {
                Err(io::Error::other("it is larger than 1 MiB"))
            } else {
                Ok(())
            }
        });
    read.map_err(|source| VariableError::Read { path: path.to_owned(), source })?;
    Ok(text)
}
