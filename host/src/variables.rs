//! The variables that a guest reads through `wasi:config/store`, and the secrets that it holds without reading them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use toml::{Table, Value};

use crate::files;
use crate::redaction::Redaction;
use crate::session::Secret;

/// Variables and secrets for a guest, sorted by name. `Debug` shows only the names. Clones are cheap.
#[derive(Clone, Default)]
pub struct Variables {
    values: Arc<BTreeMap<String, Variable>>,
    /// The redaction of the secrets. Built when the first text is redacted, and then shared with all clones.
    redaction: Arc<OnceLock<Redaction>>,
    /// Texts that are redacted like secrets, and that no name leads to.
    also: Vec<Secret>,
    /// The redaction of the secrets and these texts. Built when the first text is redacted.
    redaction_of_both: OnceLock<Redaction>,
}

#[derive(Clone)]
enum Variable {
    Plain(String),
    Secret(Secret),
    /// A secret that the guest may read through `curtaincall:callback/reveal`.
    Revealed(Secret),
}

/// The error for a file of variables that is invalid or cannot be read. Never contains a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// The file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("invalid TOML in `{}` at line {line}, column {column}: {message}", .path.display())]
    #[non_exhaustive]
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
    #[non_exhaustive]
    List {
        /// The file.
        path: PathBuf,
        /// The name of the variable.
        name: String,
    },
}

impl Variables {
    /// Reads the strings, numbers, booleans and dates of a TOML file. The key `name` in the table `table` becomes
    /// `table.name`.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is not valid TOML, or contains a list.
    pub fn from_file(path: &Path) -> Result<Self, VariableError> {
        let text = files::text(path)
            .map_err(|source| VariableError::Read { path: path.to_owned(), source })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            VariableError::Toml {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                message: error.message().to_owned(),
            }
        })?;
        Self::from_table(table).map_err(|name| VariableError::List { path: path.to_owned(), name })
    }

    /// Converts the values in `table`, as [`Variables::from_file`] does.
    ///
    /// # Errors
    /// Returns the name of a list, because a list has no text form.
    pub(crate) fn from_table(table: Table) -> Result<Self, String> {
        let mut variables = Self::default();
        variables.flatten("", table).map(|()| variables)
    }

    /// Adds the values in `table`. Each name starts with `prefix`.
    ///
    /// # Errors
    /// Returns the name of a list, because a list has no text form.
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

    /// Sets one variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.insert(name, Variable::Plain(value.to_owned()));
    }

    /// Sets a secret. The guest can send it to granted endpoints, and cannot read it.
    pub fn set_secret(&mut self, name: &str, value: &str) {
        self.insert(name, Variable::Secret(value.to_owned().into()));
    }

    fn insert(&mut self, name: &str, value: Variable) {
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value);
        self.forget_redaction();
    }

    /// Adds the variables and secrets of `defaults` whose names are not set yet.
    pub(crate) fn add_defaults(&mut self, defaults: &Self) {
        let values = Arc::make_mut(&mut self.values);
        for (name, value) in defaults.values.iter() {
            values.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self.forget_redaction();
    }

    /// Builds the redaction anew when it is needed, because the secrets have changed.
    fn forget_redaction(&mut self) {
        self.redaction = Arc::default();
        self.redaction_of_both = OnceLock::new();
    }

    /// Lets the guest read a secret, through `curtaincall:callback/reveal`. Returns whether the secret exists.
    pub fn reveal(&mut self, name: &str) -> bool {
        let Some(Variable::Secret(secret) | Variable::Revealed(secret)) = self.values.get(name)
        else {
            return false;
        };
        let revealed = Variable::Revealed(secret.clone());
        Arc::make_mut(&mut self.values).insert(name.to_owned(), revealed);
        true
    }

    /// Returns the value of the variable `name`. A secret is not a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            Variable::Plain(value) => Some(value),
            Variable::Secret(_) | Variable::Revealed(_) => None,
        }
    }

    /// Returns whether the secret `name` is set.
    pub fn has_secret(&self, name: &str) -> bool {
        self.secret(name).is_some()
    }

    /// Returns the secret `name`, and whether the guest may read it.
    pub(crate) fn secret(&self, name: &str) -> Option<(&Secret, bool)> {
        match self.values.get(name)? {
            Variable::Plain(_) => None,
            Variable::Secret(secret) => Some((secret, false)),
            Variable::Revealed(secret) => Some((secret, true)),
        }
    }

    /// Returns whether the guest may read at least one secret.
    pub(crate) fn has_revealed(&self) -> bool {
        self.values.values().any(|value| matches!(value, Variable::Revealed(_)))
    }

    /// Returns the names and values of all variables, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter_map(|(name, variable)| match variable {
            Variable::Plain(value) => Some((name.as_str(), value.as_str())),
            Variable::Secret(_) | Variable::Revealed(_) => None,
        })
    }

    /// Returns whether `text` contains a whole secret. Shorter ones than eight bytes occur by chance.
    pub(crate) fn whole_secret_in(&self, text: &str) -> bool {
        self.secrets().map(Secret::expose).any(|secret| secret.len() >= 8 && text.contains(secret))
    }

    /// Returns variables that also redact `texts`. A guest finds these under no name.
    pub(crate) fn also_redacting(&self, texts: Vec<Secret>) -> Self {
        let also = self.also.iter().cloned().chain(texts).collect();
        Self { also, redaction_of_both: OnceLock::new(), ..self.clone() }
    }

    /// Returns whether `bytes` contains a secret.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        matches!(redact(self, &String::from_utf8_lossy(bytes)), Cow::Owned(_))
    }

    /// Returns the name of a secret that `text` contains.
    pub(crate) fn secret_in(&self, text: &str) -> Option<&str> {
        let mut secrets = self.values.iter().filter_map(|(name, variable)| match variable {
            Variable::Plain(_) => None,
            Variable::Secret(secret) | Variable::Revealed(secret) => Some((name, secret.expose())),
        });
        let is_in =
            |secret| matches!(Redaction::of([secret].into_iter()).redact(text), Cow::Owned(_));
        secrets.find(|(_, secret)| is_in(secret)).map(|(name, _)| name.as_str())
    }

    /// Returns at most `limit` bytes of `text` for a message, redacted and with control characters escaped.
    pub(crate) fn shown(&self, text: &dyn fmt::Display, limit: usize) -> String {
        self.redaction().shown(text, limit)
    }

    pub(crate) fn redaction(&self) -> &Redaction {
        let of_secrets =
            || self.redaction.get_or_init(|| Redaction::of(self.secrets().map(Secret::expose)));
        if self.also.is_empty() {
            return of_secrets();
        }
        let also = || self.also.iter().map(Secret::expose);
        self.redaction_of_both.get_or_init(|| of_secrets().and(also()))
    }

    /// Returns the values of all secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.values.values().filter_map(|variable| match variable {
            Variable::Plain(_) => None,
            Variable::Secret(secret) | Variable::Revealed(secret) => Some(secret),
        })
    }
}

/// Replaces every secret of `variables` in `text` with `[redacted]`. Each line of a secret counts as a separate secret
/// if it has at least four bytes. The time is linear in the length of `text`, for any number of secrets.
pub fn redact<'a>(variables: &Variables, text: &'a str) -> Cow<'a, str> {
    variables.redaction().redact(text)
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
