//! The command line of `host run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use curtaincall::internals::limits::{self, Amount};
use curtaincall::internals::outcome::Format;
use curtaincall::internals::template::{self, Placeholder};
use curtaincall::{
    Bind, Browser, BrowserCommand, CallbackPath, Compiler, Flow, Preset, Redirect, RedirectRule,
    RedirectUri, Template, TlsIdentity,
};

use super::{Chosen, GrantArgs, Granted, GuestArg, LimitArgs, TlsArgs};
use crate::output::Form;
use crate::place::Place;

/// Flags of `host run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A component file (`.wasm` or `.wat`), the file of a preset (`.toml`), or the name of an embedded guest or a
    /// preset
    #[arg(default_value_t)]
    pub guest: GuestArg,

    /// Open the browser at this authorization URL; the host fills in `{redirect_uri}`, `{state}`,
    /// `{code_challenge}` and `{nonce}`, percent-encoded
    #[arg(long, value_name = "URL")]
    open: Option<Template>,
    /// Print the authorization URL instead of opening the browser
    #[arg(long)]
    no_browser: bool,
    /// Open the browser with this command instead of the default one; `%s` in an argument is the URL, which is
    /// otherwise the last argument; quotes and backslashes work as in a shell, but no shell runs
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_browser")]
    browser: Option<BrowserCommand>,
    /// Path of the callback (default: `/callback`, or the path of `--redirect-uri` if its host is `localhost` or a
    /// loopback address)
    #[arg(long, value_name = "PATH")]
    path: Option<CallbackPath>,
    /// Redirect URI that the provider knows, if it is not the address on which the host listens, as with a port forward
    /// or a server that sends the browser on
    #[arg(long, value_name = "URL")]
    redirect_uri: Option<RedirectUri>,
    /// Let the code pass through the host of `--redirect-uri` without PKCE and without a client secret; that host could
    /// then use the code
    #[arg(long, requires = "redirect_uri")]
    allow_unprotected_code: bool,
    /// Ports to try in order, separated by commas; 0 means any free port
    #[arg(long, value_name = "PORT", value_delimiter = ',', default_value = "0", value_parser = parse_port)]
    port: Vec<u16>,
    /// Loopback address to listen on (default: `127.0.0.1`, or `localhost` if a preset needs it); `localhost` means
    /// `127.0.0.1` and `::1` on the same port
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<Bind>,
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Accept connections from other users of this machine; needed for WSL's mirrored network and some port forwards
    #[arg(long)]
    allow_other_users: bool,
    /// Accept only callbacks whose `iss` is this issuer (RFC 9207)
    #[arg(long, value_name = "ISSUER", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// Time to wait for the callback
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = <Duration as Amount>::parse)]
    pub timeout: Duration,
    /// Time for replies in flight to finish at the end
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration_or_zero)]
    grace: Duration,

    /// Format of the outcome
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    format: OutcomeFormat,
    /// Print only this value of the outcome, unquoted; on a terminal, control characters are escaped
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "format", help_heading = "Output")]
    print: Option<String>,
    /// Append events as JSON lines to this file, which only you can read; `-` is standard error
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
    /// Report more on standard error: each refused request and each reply
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    #[command(flatten)]
    pub grants: GrantArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Format of the outcome.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OutcomeFormat {
    /// one JSON object
    #[default]
    Json,
    /// `name: value` lines
    Text,
    /// `CALLBACK_NAME='value'` lines for a shell's `eval`; on a terminal, control characters are escaped
    Env,
}

impl RunArgs {
    /// Returns the flow that these flags describe.
    pub(crate) fn flow(
        &self,
        compiler: Compiler,
        chosen: Chosen,
        granted: Granted,
        identity: Option<TlsIdentity>,
    ) -> Flow {
        let Chosen { guest, preset } = chosen;
        let Granted { variables, net, trust } = granted;
        let mut flow = Flow::new()
            .guest(guest)
            .other_users(self.allow_other_users)
            .ports(self.port.iter().copied())
            .unprotected_code(self.allow_unprotected_code)
            .timeout(self.timeout)
            .grace(self.grace)
            .limits(self.limits.0.clone())
            .page(self.grants.page())
            .variables(variables)
            .net(net)
            .trust(trust)
            .compiler(compiler);
        if let Some(preset) = preset {
            flow = flow.preset(preset);
        }
        if let Some(bind) = self.bind {
            flow = flow.bind(bind);
        }
        if let Some(redirect_uri) = &self.redirect_uri {
            flow = flow.redirect_uri(redirect_uri.clone());
        }
        if let Some(path) = &self.path {
            flow = flow.path(path.clone());
        }
        if let Some(identity) = identity {
            flow = flow.tls(identity);
        }
        if let Some(template) = &self.open {
            flow = flow.open(template.clone());
        }
        if let Some(issuer) = &self.issuer {
            flow = flow.issuer(issuer);
        }
        flow
    }

    /// Returns the browser to open, which is at this place.
    pub(crate) fn browser(&self, place: &Place) -> Browser {
        match &self.browser {
            Some(command) => Browser::Command(command.clone()),
            None if self.no_browser || !place.opens_browser() => Browser::None,
            None => Browser::Default,
        }
    }

    /// Returns whether the provider cannot know the redirect URI: `--open` does not contain it, and the port is
    /// different in each run.
    pub(crate) fn hides_redirect_uri(&self) -> bool {
        let contains = |template| template::uses(template, Placeholder::RedirectUri);
        self.port == [0]
            && self.redirect_uri.is_none()
            && self.open.as_ref().is_some_and(|template| !contains(template))
    }

    /// Returns whether the provider of this preset cannot accept the redirect URI of this run.
    pub(crate) fn is_unregistered(&self, preset: &Preset) -> bool {
        // The person names what the provider knows.
        if self.redirect_uri.is_some() {
            return false;
        }
        preset.redirect().is_some_and(|Redirect { rule, .. }| match rule {
            RedirectRule::Address | RedirectRule::Localhost => false,
            RedirectRule::FixedPort => self.port == [0],
            RedirectRule::Https => self.port == [0] || !self.tls.is_on(),
        })
    }

    /// Returns how to print the outcome.
    pub(crate) fn form(&self) -> Form {
        match (&self.print, self.format) {
            (Some(name), _) => Form::Value(name.clone()),
            (None, OutcomeFormat::Json) => Form::Whole(Format::Json),
            (None, OutcomeFormat::Text) => Form::Whole(Format::Text),
            (None, OutcomeFormat::Env) => Form::Whole(Format::Env),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("expected a port from 0 to {}", u16::MAX))
}

/// Parses a duration. Unlike other durations on the command line, this one may be zero.
fn duration_or_zero(text: &str) -> Result<Duration, String> {
    match limits::duration(text) {
        Some(Duration::ZERO) => Ok(Duration::ZERO),
        _ => Amount::parse(text),
    }
}
