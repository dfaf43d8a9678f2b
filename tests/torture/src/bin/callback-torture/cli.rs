//! The command line.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use callback_torture::{Shape, Trust};
use clap::builder::{PathBufValueParser, PossibleValue, TypedValueParser as _};
use clap::{Parser, ValueEnum};

/// Check whether a program that receives an OAuth callback survives what browsers and strangers send to it
///
/// Starts COMMAND once for each of eleven shapes, such as `favicon first`. Acts as the browser that COMMAND opens and
/// as the authorization server, sends what the shape describes, and then sends the legitimate callback. A row is `ok`
/// if the callback gets its page, and COMMAND then exits with the code: it prints the code on its standard output, or
/// sends it to the token endpoint.
#[derive(Debug, Parser)]
#[command(name = "callback-torture", version, after_long_help = AFTER)]
pub(crate) struct Args {
    /// How long each wait may take: for the URL, for the page, and from the page to the exit
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,

    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// How COMMAND reports the URL
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = From::Browser)]
    pub(crate) from: From,

    /// Run only this shape; may be given several times
    #[arg(long = "shape", value_enum, value_name = "SHAPE", hide_possible_values = true)]
    pub(crate) shapes: Vec<ShapeName>,

    /// Trust the certificates in this PEM file, for a redirect URI with `https`: an authority, or a self-signed one
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(trust))]
    pub(crate) ca_cert: Option<Trust>,

    /// The command to run, with its arguments. `{issuer}` in an argument becomes the issuer of the pretend provider
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

const AFTER: &str = "\
Environment of COMMAND:
  CALLBACK_TORTURE_ISSUER  the issuer of the pretend provider
  BROWSER                  this program, with `--from browser`

The pretend provider answers at `/authorize`, `/token` and `/.well-known/openid-configuration`.

Exit codes:
  0    every row is ok
  1    a row failed
  2    wrong usage
  3    the command cannot be started, or the results cannot be written
  129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM";

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "expected a duration such as `500ms` or `5s`".to_owned())?;
    // A day is long enough, and cannot overflow a clock.
    if duration.is_zero() || duration > Duration::from_secs(86_400) {
        return Err("expected a duration of more than 0s and at most 1day".to_owned());
    }
    Ok(duration)
}

fn trust(path: PathBuf) -> Result<Trust, String> {
    let pem = fs::read(path).map_err(|error| format!("cannot read the file: {error}"))?;
    Trust::from_pem(&pem).map_err(|error| error.to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// COMMAND opens the authorization URL in `$BROWSER`
    Browser,
    /// COMMAND prints the authorization URL, with `redirect_uri` in it
    Output,
    /// COMMAND prints only the URL of the callback
    Callback,
}

/// A shape, by its name in JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShapeName(pub(crate) Shape);

impl ValueEnum for ShapeName {
    fn value_variants<'a>() -> &'a [Self] {
        // The order of `Shape::ALL`, which a test compares.
        &[
            Self(Shape::Plain),
            Self(Shape::SilentPreconnect),
            Self(Shape::HalfSentRequest),
            Self(Shape::KeepAlive),
            Self(Shape::FaviconFirst),
            Self(Shape::ForgedError),
            Self(Shape::ForgedState),
            Self(Shape::HeadFirst),
            Self(Shape::OptionsFirst),
            Self(Shape::NoParameters),
            Self(Shape::ForeignHost),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// The exit codes of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Passed = 0,
    Failed = 1,
    Fatal = 3,
    Hangup = 129,
    Interrupt = 130,
    Terminate = 143,
}

impl std::convert::From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_accepts_every_shape() {
        Args::command().debug_assert();
        let known: Vec<_> = ShapeName::value_variants().iter().map(|name| name.0).collect();
        assert_eq!(known, Shape::ALL);
    }
}
