//! The command line of `host call`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use curtaincall::error::VariableError;
use curtaincall::internals::sandbox::Terms;
use curtaincall::testing::Setup;
use curtaincall::{CallbackPath, Compiler, Guest};

use super::{GrantArgs, LimitArgs};

/// Flags of `host call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// A component file (`.wasm`, or `.wat` text), or the name of an embedded guest
    pub guest: Guest,
    /// A method, GET or what fits, and a target: a path, or only a query for the callback path
    #[arg(value_name = "[METHOD] TARGET", num_args = 1..=2, required_unless_present = "raw")]
    pub request: Vec<String>,

    /// A header field of the request
    #[arg(short = 'H', long, value_name = "NAME: VALUE", help_heading = "Request")]
    pub header: Vec<String>,
    /// The body of the request, or the file that it is in
    #[arg(long, value_name = "TEXT|@FILE", help_heading = "Request")]
    pub data: Option<String>,
    /// A field of a form in the body
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "data", help_heading = "Request")]
    pub form: Vec<String>,
    /// The whole request as it is on the wire, from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "header", "data", "form"], help_heading = "Request")]
    pub raw: Option<PathBuf>,

    /// The callback path
    #[arg(long, value_name = "PATH", default_value = "/callback")]
    path: CallbackPath,
    /// Accept only a callback whose `iss` is this issuer (RFC 9207)
    #[arg(long, value_name = "ISSUER", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// Give the session a value: `redirect-uri`, `state` (then it is checked), `nonce` or `code-verifier`
    #[arg(long, value_name = "NAME=VALUE")]
    session: Vec<String>,

    /// How to print the reply
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format: ReplyFormat,
    /// Print the body of the reply and nothing else, as it is; on a terminal, with escapes
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub body: bool,
    /// Say on standard error what the call took
    #[arg(long, help_heading = "Output")]
    pub time: bool,

    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How to print the reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplyFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

impl CallArgs {
    /// What the guest is given.
    ///
    /// # Errors
    /// When that cannot be read, or the session has no such value: in a sentence.
    pub(crate) fn setup(&self) -> Result<Setup, CallArgsError> {
        let mut setup = Setup::default();
        setup.limits = self.limits.0.clone();
        setup.page = self.grants.page();
        setup.path = self.path.clone();
        setup.issuer = self.issuer.clone();
        setup.variables = self.grants.variables()?;
        for pair in &self.session {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                let message = "a value is `--session NAME=VALUE`, and one of these has no `=`";
                CallArgsError::Session(message.to_owned())
            })?;
            setup
                .session(name, value)
                .map_err(|error| CallArgsError::Session(error.to_string()))?;
        }
        Ok(setup)
    }

    /// How the guest is loaded.
    pub(crate) fn terms(&self, compiler: Compiler, metered: bool) -> Terms {
        Terms { limits: self.limits.0.clone(), page: self.grants.page(), compiler, metered }
    }

    /// `METHOD TARGET`, or the method that fits what is sent.
    pub(crate) fn line(&self) -> (String, String) {
        let has_body = self.data.is_some() || !self.form.is_empty();
        let usual = if has_body { "POST" } else { "GET" };
        let (method, target) = match &self.request[..] {
            [method, target] => (method.as_str(), target.as_str()),
            [target] => (usual, target.as_str()),
            _ => (usual, ""),
        };
        let target = if target.starts_with('?') || target.is_empty() {
            format!("{}{target}", self.path.as_str())
        } else {
            target.to_owned()
        };
        (method.to_owned(), target)
    }
}

/// Why there is nothing to give to the guest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallArgsError {
    #[error(transparent)]
    Variables(#[from] VariableError),
    #[error("{0}")]
    Session(String),
}
