//! The command line of `host call`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use curtaincall::error::PresetError;
use curtaincall::internals::sandbox::Terms;
use curtaincall::testing::Setup;
use curtaincall::{CallbackPath, Compiler, Guest, Trust};

use super::{Chosen, GrantArgs, GrantArgsError, Granted, GuestArg, LimitArgs};
use crate::hint;

/// Flags of `host call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// A component file (`.wasm` or `.wat`), the file of a preset (`.toml`), or the name of an embedded guest or a preset
    guest: GuestArg,
    /// Method (default: `GET`, or `POST` with a body) and target: a path, or a query such as `?code=abc` for the callback path
    #[arg(value_name = "[METHOD] TARGET", num_args = 1..=2, required_unless_present_any = ["raw", "authorize"])]
    pub request: Vec<String>,

    /// Add a header field to the request
    #[arg(short = 'H', long, value_name = "NAME: VALUE", help_heading = "Request")]
    pub header: Vec<String>,
    /// Body of the request, by default of the type `application/x-www-form-urlencoded`; `@FILE` reads it from a file
    #[arg(long, value_name = "TEXT|@FILE", help_heading = "Request")]
    pub data: Option<String>,
    /// Add a form field to the body
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "data", help_heading = "Request")]
    pub form: Vec<String>,
    /// Read the whole request, as it is sent over the wire, from this file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "header", "data", "form"], help_heading = "Request")]
    pub raw: Option<PathBuf>,
    /// Ask the guest for its authorization URL instead, check the URL as `host run` does, and print it
    #[arg(long, conflicts_with_all = ["request", "header", "data", "form", "raw", "body", "time"], help_heading = "Request")]
    pub authorize: bool,

    /// Path of the callback
    #[arg(long, value_name = "PATH", default_value = "/callback")]
    path: CallbackPath,
    /// Accept only callbacks whose `iss` is this issuer (RFC 9207)
    #[arg(long, value_name = "ISSUER", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// Set a session value: `redirect-uri`, `state` (which is then checked), `nonce` or `code-verifier`
    #[arg(long, value_name = "NAME=VALUE")]
    session: Vec<String>,

    /// Format of the reply
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format: ReplyFormat,
    /// Print only the body of the reply, unchanged; on a terminal, control characters are escaped
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub body: bool,
    /// Print the time, memory and fuel of the call on standard error
    #[arg(long, help_heading = "Output")]
    pub time: bool,

    #[command(flatten)]
    grants: GrantArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Format of the reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplyFormat {
    /// for people
    #[default]
    Text,
    /// one JSON object
    Json,
}

impl CallArgs {
    /// Returns the guest, and its inputs besides the request.
    ///
    /// # Errors
    /// Fails if the configuration or a secret cannot be read, if the preset is invalid or lacks a value, or if a `--session` value is
    /// invalid.
    pub(crate) fn setup(&self) -> Result<(Guest, Setup, Trust), CallArgsError> {
        let Chosen { guest, preset } = self.guest.read()?;
        let mut setup = Setup::default();
        setup.limits = self.limits.0.clone();
        setup.page = self.grants.page();
        setup.path = self.path.clone();
        setup.issuer = self.issuer.clone();
        let Granted { mut variables, mut net, trust } = self.grants.read()?;
        if let Some(preset) = preset {
            preset.apply(&mut variables, &mut net)?;
        }
        (setup.variables, setup.net) = (variables, net);
        for pair in &self.session {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                CallArgsError::Session(hint::missing('=', "--session", "NAME=VALUE"))
            })?;
            setup
                .session(name, value)
                .map_err(|error| CallArgsError::Session(error.to_string()))?;
        }
        Ok((guest, setup, trust))
    }

    /// Returns the settings under which the guest is loaded.
    pub(crate) fn terms(&self, compiler: Compiler, metered: bool) -> Terms {
        Terms {
            limits: self.limits.0.clone(),
            page: self.grants.page(),
            compiler,
            reveal: self.grants.reveals(),
            metered,
        }
    }

    /// Returns the method and the target. The default method depends on whether the request has a body.
    pub(crate) fn line(&self) -> (String, String) {
        let has_body = self.data.is_some() || !self.form.is_empty();
        let default = if has_body { "POST" } else { "GET" };
        let (method, target) = match &self.request[..] {
            [method, target] => (method.as_str(), target.as_str()),
            [target] => (default, target.as_str()),
            _ => (default, ""),
        };
        let target = if target.starts_with('?') || target.is_empty() {
            format!("{}{target}", self.path.as_str())
        } else {
            target.to_owned()
        };
        (method.to_owned(), target)
    }
}

/// Why the flags of `host call` are invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallArgsError {
    #[error(transparent)]
    Grants(#[from] GrantArgsError),
    #[error(transparent)]
    Preset(#[from] PresetError),
    #[error("{0}")]
    Session(String),
}
