//! `host call --authorize`: asks a guest for its authorization URL, and checks the URL as a run does.

use curtaincall::internals::sandbox::{FlowStart, Sandbox, announced};
use curtaincall::internals::variables::redact;
use curtaincall::internals::{outcome, provider};
use curtaincall::testing::{AuthorizeError, End};
use curtaincall::{Error, Outcome};
use serde_json::json;

use super::call::{Inputs, outcome_json};
use crate::cli::{CallArgs, ReplyFormat};
use crate::console::Console;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output;

/// Loads the guest, asks it for its authorization URL and prints the URL, or why the guest declined.
pub(super) async fn authorize(args: &CallArgs, console: &Console) -> Result<Exit, CommandError> {
    let Inputs { guest, surroundings, log, .. } = Inputs::read(args, console)?;
    let terms = args.terms(super::compiler()?, false);
    let size = guest.size();
    let loading = Sandbox::load(guest, terms, log);
    let sandbox = announced(loading, || console.compiling(size)).await?;
    let redacted = |text: &str| redact(&surroundings.variables, text).into_owned();
    let started = sandbox.authorize(&surroundings).await;
    match started.map_err(|error| CommandError::guest_failed(&error))? {
        FlowStart::NoAuthorizer => {
            Err(CommandError::new(Exit::Guest, AuthorizeError::NoAuthorizer.to_string()))
        }
        FlowStart::Declined(failure) => {
            let declined = Outcome::Failure(failure);
            print(&match args.format {
                ReplyFormat::Text => redacted(&End::Done(declined).to_string()),
                ReplyFormat::Json => outcome::json(&outcome_json(&declined, &redacted)),
            })?;
            Ok(Exit::Failure)
        }
        FlowStart::Open(authorization) => {
            let checked = provider::check(&authorization, &surroundings);
            let url = checked.map_err(Error::Authorization)?.url;
            print(&match args.format {
                ReplyFormat::Text => url,
                ReplyFormat::Json => {
                    let issuer = authorization.issuer.as_deref().map(redacted);
                    outcome::json(&json!({ "url": url, "issuer": issuer }))
                }
            })?;
            Ok(Exit::Success)
        }
    }
}

fn print(text: &str) -> Result<(), CommandError> {
    output::print(format!("{text}\n").as_bytes()).map_err(|error| {
        CommandError::new(Exit::Output, format!("cannot write the authorization URL: {error}"))
    })
}
