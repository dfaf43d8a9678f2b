//! The command line: clap's types, and the one place that names clap.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::report::Form;
use curtaincall::limits::{Amount, Limit, Limits};
use curtaincall::sandbox::COMPILE_SUBCOMMAND;
use curtaincall::{Bind, CallbackPath, Compiler, Config, Format, Guest, PageGrant, Template};

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
    /// Compile a component from standard input to standard output, within this much memory
    #[command(name = COMPILE_SUBCOMMAND, hide = true)]
    Compile {
        /// The most memory to use
        #[arg(value_parser = <ByteSize as Amount>::parse)]
        memory: ByteSize,
        /// What comes is text, of this name
        text: Option<String>,
    },
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
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = <Duration as Amount>::parse)]
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

    /// What the guest's page may do: `scripts`, `forms` (back to this listener), or `redirect=ORIGIN`
    #[arg(long, value_name = "GRANT", value_delimiter = ',', help_heading = "Grants")]
    allow_page: Vec<PageGrant>,

    #[command(flatten)]
    limits: LimitArgs,
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
    pub(crate) fn config(&self, compiler: Compiler) -> Config {
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
            limits: self.limits.0.clone(),
            page: self.allow_page.iter().cloned().collect(),
            compiler,
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

/// Where nothing has to be waited for, `0s` is a duration too.
fn duration_or_zero(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(Duration::ZERO),
        _ => Amount::parse(text),
    }
}

/// A flag for each limit that there is.
#[derive(Debug)]
struct LimitArgs(Limits);

impl Args for LimitArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Limit::ALL.iter().fold(command, |command, &limit| {
            let check =
                move |text: &str| Limits::default().set(limit, text).map(|()| text.to_owned());
            command.arg(
                Arg::new(limit.flag())
                    .long(limit.flag())
                    .value_name(limit.value_name())
                    .help(limit.about().trim())
                    .help_heading("Limits")
                    .default_value(Limits::default().get(limit))
                    .value_parser(check),
            )
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self(Limits::default());
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given =
            Limit::ALL.iter().filter_map(|l| Some((*l, matches.get_one::<String>(l.flag())?)));
        given.into_iter().try_for_each(|(limit, text)| {
            self.0.set(limit, text).map_err(|e| clap::Error::raw(ErrorKind::ValueValidation, e))
        })
    }
}
