//! The command `host call`: sends one request to a guest, without a socket.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use curtaincall::internals::event::Events;
use curtaincall::internals::limits::Amount as _;
use curtaincall::internals::network::ReadableOrigins;
use curtaincall::internals::outgoing::NoNetwork;
use curtaincall::internals::raw::{FILE_LIMIT, RawRequest, form_body, form_type};
use curtaincall::internals::sandbox::{
    Cost, OnLogLine, ProviderInputs, Sandbox, Surroundings, announced,
};
use curtaincall::internals::variables::redact;
use curtaincall::internals::{exchange, files, outcome, provider, refusal_message, setup};
use curtaincall::testing::{End, Exchange, Setup};
use curtaincall::{Config, Guest, Outcome, Variables};
use serde_json::{Value, json};

use super::authorize::authorize;
use crate::cli::{CallArgs, CallArgsError, ReplyFormat};
use crate::console::Console;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::hint;
use crate::output;

/// Loads the guest, sends it the request and prints the reply.
pub(crate) async fn call(args: &CallArgs, console: &Console) -> Result<Exit, CommandError> {
    if args.authorize {
        return authorize(args, console).await;
    }
    let raw = build_request(args).map_err(|message| CommandError::new(Exit::Usage, message))?;
    let (exchange, variables) = run_exchange(args, console, &raw).await?;
    conclude(args, console, &exchange, &variables)
}

/// A guest, and the inputs of its call besides the request.
pub(super) struct Inputs {
    pub(super) guest: Guest,
    setup: Setup,
    pub(super) surroundings: Surroundings,
    pub(super) log: OnLogLine,
}

impl Inputs {
    /// Reads what the guest is granted, and prepares its network.
    pub(super) fn read(args: &CallArgs, console: &Console) -> Result<Self, CommandError> {
        let (guest, setup, trust) = args.setup().map_err(|error| match error {
            CallArgsError::Grants(error) => CommandError::from(error),
            CallArgsError::Preset(error) => CommandError::from(error),
            CallArgsError::Session(message) => CommandError::new(Exit::Usage, message),
        })?;
        let variables = Arc::new(setup.variables.clone());
        let events_console = console.clone();
        let events = Events::to(move |event| events_console.event(event));
        let mut config = Config::default();
        (config.limits, config.net, config.trust) =
            (setup.limits.clone(), setup.net.clone(), trust);
        let inputs = provider::inputs(&config, &variables, &events)?;
        let upstream = ReadableOrigins::new(&inputs);
        let session = Arc::new(setup::session(&setup));
        let surroundings = Surroundings::real(session, variables, Arc::new(upstream), inputs);
        let log: OnLogLine = Arc::new(move |line| events.emit(line.into()));
        Ok(Self { guest, setup, surroundings, log })
    }
}

async fn run_exchange(
    args: &CallArgs,
    console: &Console,
    raw: &RawRequest,
) -> Result<(Exchange, Arc<Variables>), CommandError> {
    let Inputs { guest, setup, surroundings, log } = Inputs::read(args, console)?;
    let variables = Arc::clone(&surroundings.variables);
    let compiler = super::compiler()?;
    let once = async |metered, log, surroundings: &Surroundings| {
        let terms = args.terms(compiler.clone(), metered);
        let loading = Sandbox::load(guest.clone(), terms, log);
        let sandbox = announced(loading, || console.compiling(guest.size())).await?;
        let rules = setup::rules(&setup, sandbox.is_authorizer());
        Ok::<_, CommandError>(exchange(raw.as_bytes(), &rules, &sandbox, surroundings, false).await)
    };
    let mut exchange = once(false, log, &surroundings).await?;
    if args.time {
        // Counting fuel slows a guest down. So the first call measures the time, and a second call counts the fuel.
        let silent = Surroundings {
            upstream: Arc::new(NoNetwork),
            provider: ProviderInputs::default(),
            ..surroundings
        };
        exchange.cost.fuel = once(true, Arc::new(|_| {}), &silent).await?.cost.fuel;
    }
    Ok((exchange, variables))
}

fn conclude(
    args: &CallArgs,
    console: &Console,
    exchange: &Exchange,
    variables: &Variables,
) -> Result<Exit, CommandError> {
    let redacted = |text: &str| redact(variables, text).into_owned();
    let printed = if args.body {
        output::print_body(exchange.response.body())
    } else {
        let text = match args.format {
            ReplyFormat::Text => redacted(&exchange.to_string()),
            ReplyFormat::Json => outcome::json(&json(exchange, args.time, &redacted)) + "\n",
        };
        output::print(text.as_bytes())
    };
    if args.time {
        console.note(&cost(&exchange.cost));
    }
    printed.map_err(|error| {
        CommandError::new(Exit::Output, format!("cannot write the reply: {error}"))
    })?;
    match &exchange.end {
        End::Done(Outcome::Success(_)) => Ok(Exit::Success),
        End::Done(Outcome::Failure(_)) => Ok(Exit::Failure),
        End::Pending => {
            console.note("the guest is waiting for another request: the flow is not complete");
            Ok(Exit::Success)
        }
        End::Refused(refusal) => Err(CommandError::new(Exit::Refused, refusal_message(*refusal))),
        End::Failed(error) => Err(CommandError::guest_failed(error)),
        // The library may add ends. All that is known about them is that there is no result.
        _ => Ok(Exit::Failure),
    }
}

fn cost(cost: &Cost) -> String {
    let ms = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
    let fuel = cost.fuel.map_or_else(|| "not counted".to_owned(), |fuel| fuel.to_string());
    format!(
        "instantiate {}, call {}, memory {}, fuel {fuel}",
        ms(cost.instantiate),
        ms(cost.call),
        ByteSize(cost.memory as u64).show(),
    )
}

fn json(exchange: &Exchange, with_cost: bool, redact: &dyn Fn(&str) -> String) -> Value {
    let headers: Vec<_> = exchange
        .response
        .headers()
        .iter()
        .map(|(name, value)| [name.to_string(), redact(&String::from_utf8_lossy(value.as_bytes()))])
        .collect();
    let mut object = json!({
        "status": exchange.response.status().as_u16(),
        "headers": headers,
        "body": redact(&exchange.text()),
    });
    object["end"] = match &exchange.end {
        End::Pending => json!({ "pending": {} }),
        End::Done(outcome) => outcome_json(outcome, redact),
        End::Refused(refusal) => json!({ "refused": { "reason": refusal.reason() } }),
        End::Failed(error) => json!({ "failed": { "reason": error.reason() } }),
        // The library may add ends, which have no form here yet.
        _ => Value::Null,
    };
    if with_cost {
        let Cost { instantiate, call, memory, fuel, .. } = exchange.cost;
        object["cost"] = json!({
            "instantiate_ms": instantiate.as_secs_f64() * 1e3,
            "call_ms": call.as_secs_f64() * 1e3,
            "memory_bytes": memory,
            "fuel": fuel,
        });
    }
    object
}

/// Returns the outcome as a JSON object with one member, `success` or `failure`.
pub(super) fn outcome_json(outcome: &Outcome, redact: &dyn Fn(&str) -> String) -> Value {
    let values: serde_json::Map<_, _> = outcome
        .fields()
        .into_iter()
        .map(|(name, value)| (redact(name), redact(value).into()))
        .collect();
    match outcome {
        Outcome::Success(_) => json!({ "success": values }),
        Outcome::Failure(_) => json!({ "failure": values }),
    }
}

/// Builds the request from the command line, or returns an error message.
fn build_request(args: &CallArgs) -> Result<RawRequest, String> {
    if let Some(file) = &args.raw {
        return Ok(read(file)?.into());
    }
    let (method, target) = args.line();
    let mut fields = Vec::new();
    for field in &args.header {
        let (name, value) =
            field.split_once(':').ok_or_else(|| hint::missing(':', "--header", "NAME: VALUE"))?;
        fields.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let mut body = match args.data.as_deref().map(|data| (data, data.strip_prefix('@'))) {
        None => Vec::new(),
        Some((_, Some(file))) => read(Path::new(file))?,
        Some((data, None)) => data.as_bytes().to_vec(),
    };
    if args.data.is_some() {
        // As curl does.
        form_type(&mut fields);
    }
    if !args.form.is_empty() {
        let mut pairs = Vec::new();
        for pair in &args.form {
            let pair =
                pair.split_once('=').ok_or_else(|| hint::missing('=', "--form", "NAME=VALUE"))?;
            pairs.push(pair);
        }
        body = form_body(pairs, &mut fields);
    }
    RawRequest::new(&method, &target, &fields, &body).map_err(|error| error.to_string())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let read = if file.as_os_str() == "-" {
        files::content(io::stdin().lock(), FILE_LIMIT)
    } else {
        File::open(file).and_then(|file| files::content(file, FILE_LIMIT))
    };
    read.map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}
