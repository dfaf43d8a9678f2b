//! The variables and secrets that a guest reads through `wasi:config/store`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use toml::{Table, Value};

use crate::files;
use crate::redaction::Redaction;
use crate::session::Secret;

/// The size limit on a file of variables or of one secret, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// Variables and secrets for a guest, sorted by name. `Debug` shows only the names. Clones are cheap.
#[derive(Clone, Default)]
pub struct Variables {
    values: Arc<BTreeMap<String, Variable>>,
    /// Created when the first text is shown, and then reused.
    redaction: OnceLock<Arc<Redaction>>,
}

#[derive(Clone)]
enum Variable {
    Plain(String),
    Secret(Secret),
}

/// The error for invalid variables and secrets. Never contains a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// A variable has no name or no `=`.
    #[error("invalid variable: expected `NAME=VALUE`")]
    NoName,
    /// A secret does not name a source. Its text is not repeated, since it may be the secret itself.
    #[error("invalid secret{}: expected `NAME=env:VARIABLE` or `NAME=file:PATH`", .0.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default())]
    NoSource(Option<String>),
    /// Two variables, or a variable and a secret, have the same name.
    #[error("duplicate variable `{0}`")]
    Twice(String),
    /// The environment variable of a secret is not set or not UTF-8.
    #[error("cannot read the secret `{name}`: the environment variable `{variable}` {problem}")]
    Environment {
        /// The name of the secret.
        name: String,
        /// The environment variable.
        variable: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("invalid TOML in `{}` at line {line}, column {column}: {message}", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The TOML file contains a list. The store holds only text.
    #[error("invalid variable `{name}` in `{}`: expected text, a number or a boolean, got a list", .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// The name of the variable.
        name: String,
    },
    /// A secret is empty.
    #[error("the secret `{0}` is empty")]
    Empty(String),
}

/// The source of a secret: `NAME=env:VARIABLE` or `NAME=file:PATH`. The command line never contains the secret
/// itself.
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
    /// Read the secret. One line feed at the end of a file is dropped, because editors add it.
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
    /// Combine the variables of a TOML file with `NAME=VALUE` pairs and secrets, which override those of the file.
    ///
    /// # Errors
    /// If one of them is invalid or cannot be read, or if two pairs or secrets have the same name.
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

    /// Read the texts, numbers and booleans of a TOML file. `name` in the table `table` becomes `table.name`.
    ///
    /// # Errors
    /// If the file cannot be read, is not valid TOML, or contains a list.
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
    /// The name of a list, which has no text form.
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

    /// Set a secret. Only the guest may see its value.
    pub fn set_secret(&mut self, name: &str, value: &str) {
        self.insert(name, Variable::Secret(value.to_owned().into()));
    }

    fn insert(&mut self, name: &str, value: Variable) {
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value);
        self.redaction = OnceLock::new();
    }

    /// The value named `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(Variable::expose)
    }

    /// All names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// `text` with every secret in it made unreadable. In a secret of several lines, each line of at least four
    /// bytes counts as a secret of its own. Takes time linear in the length of `text`, for any number of secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redaction().redact(text)
    }

    /// Whether `bytes` contain a secret.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        matches!(self.redact(&String::from_utf8_lossy(bytes)), Cow::Owned(_))
    }

    /// At most `limit` bytes of `text`, redacted and with control characters escaped, for a message.
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

/// Read a file or a pipe, such as `file:<(pass show client)` in a shell.
fn read(path: &Path) -> Result<String, VariableError> {
    let content = File::open(path).and_then(|file| files::content(file, FILE_LIMIT));
    content
        .and_then(|content| {
            String::from_utf8(content).map_err(|_| io::Error::other("it is not valid UTF-8"))
        })
        .map_err(|source| VariableError::Read { path: path.to_owned(), source })
}
