//! The command line: clap's types, and the one place that names clap.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::Form;
use curtaincall::{Bind, CallbackPath, Config, Format, Guest, Limits, Template};

/// Receive one HTTP callback on loopback, and leave.
#[derive(Debug, Parser)]
#[command(name = "host", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours on standard error
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve one flow: wait for the callback, show the guest's page, print the outcome
    Run(Box<RunArgs>),
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Even into a file
    Always,
    /// Not at all
    Never,
}

/// Flags of `host run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A component file (`.wasm`, or `.wat` text), or the name of an embedded guest
    #[arg(default_value_t = Guest::default())]
    guest: Guest,

    /// Open a browser at this authorization URL; `{redirect_uri}`, `{state}`, `{code_challenge}`
    /// and `{nonce}` are filled in, percent-encoded
    #[arg(long, value_name = "URL")]
    open: Option<Template>,
    /// Print the authorization URL instead of starting a browser
    #[arg(long)]
    no_browser: bool,
    /// The callback path
    #[arg(long, value_name = "PATH", default_value = "/callback")]
    path: CallbackPath,
    /// Ports to try in this order; 0 is any free port
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_value = "0")]
    port: Vec<u16>,
    /// A loopback address, or `localhost` for `127.0.0.1` and `::1` on the same port
    #[arg(long, value_name = "ADDRESS", default_value_t)]
    bind: Bind,
    /// Accept only a callback whose `iss` is this issuer (RFC 9207)
    #[arg(long, value_name = "ISSUER", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// How long to wait for the callback
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    timeout: Duration,
    /// How long replies in flight may take at the end
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration_or_zero)]
    grace: Duration,

    /// How to print the outcome
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    format: OutcomeFormat,
    /// Print this one value of the outcome, as it is
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "format", help_heading = "Output")]
    print: Option<String>,
    /// Write what happens as JSON lines to this file, or to standard error with `-`
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
    /// Say more on standard error: each refused request, each reply
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// CPU time of one guest call
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration, help_heading = "Limits")]
    max_cpu_time: Duration,
    /// Wall time of one guest call
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, help_heading = "Limits")]
    max_wall_time: Duration,
    /// Memory of one guest call, over all its memories
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = memory, help_heading = "Limits")]
    max_memory: ByteSize,
    /// Size of the body of a guest's reply
    #[arg(long, value_name = "SIZE", default_value = "4MiB", help_heading = "Limits")]
    max_reply: ByteSize,
    /// Size of the guest's component
    #[arg(long, value_name = "SIZE", default_value = "64MiB", help_heading = "Limits")]
    max_component: ByteSize,
}

/// How to print the outcome.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OutcomeFormat {
    /// One JSON object
    #[default]
    Json,
    /// `name: value` lines
    Text,
    /// `CALLBACK_NAME='value'` lines for a shell's `eval`
    Env,
}

impl RunArgs {
    /// What was asked for, as the library takes it.
    pub(crate) fn config(&self) -> Config {
        Config {
            guest: self.guest.clone(),
            open: self.open.clone(),
            browser: !self.no_browser,
            bind: self.bind,
            ports: self.port.clone(),
            path: self.path.clone(),
            issuer: self.issuer.clone(),
            timeout: self.timeout,
            grace: self.grace,
            limits: Limits {
                cpu_time: self.max_cpu_time,
                wall_time: self.max_wall_time,
                memory: usize::try_from(self.max_memory.as_u64()).unwrap_or(usize::MAX),
                reply: usize::try_from(self.max_reply.as_u64()).unwrap_or(usize::MAX),
                component: self.max_component.as_u64(),
            },
        }
    }

    /// How to print the outcome.
    pub(crate) fn form(&self) -> Form {
        match (&self.print, self.format) {
            (Some(name), _) => Form::Value(name.clone()),
            (None, OutcomeFormat::Json) => Form::Whole(Format::Json),
            (None, OutcomeFormat::Text) => Form::Whole(Format::Text),
            (None, OutcomeFormat::Env) => Form::Whole(Format::Env),
        }
    }
}

/// As long as a timer of the operating system can be set: beyond it, adding to the clock overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_zero(text)? {
        Duration::ZERO => Err("must be longer than 0; write e.g. `90s` or `5m`".to_owned()),
        duration => Ok(duration),
    }
}

fn duration_or_zero(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write e.g. `500ms`, `90s` or `5m`"))?;
    match duration > LONGEST {
        true => Err("must not be longer than a year".to_owned()),
        false => Ok(duration),
    }
}

/// Memory comes in pages of 64 KiB, and a guest without one cannot be called.
fn memory(text: &str) -> Result<ByteSize, String> {
    match text.parse::<ByteSize>()? {
        size if size < ByteSize::kib(64) => Err("must be at least `64KiB`, one page".to_owned()),
        size => Ok(size),
    }
}
