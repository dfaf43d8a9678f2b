//! The command `host presets`: lists the providers that `host run` knows, or shows one in full.

use curtaincall::error::PresetError;
use curtaincall::internals::outcome;
use curtaincall::{NeedKind, Preset, RedirectRule};
use serde_json::{Value, json};

use super::granted::Shown;
use crate::cli::{PresetsArgs, ReplyFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::hint;
use crate::output::print;

/// Prints all presets, or one of them in full.
pub(crate) fn presets(args: &PresetsArgs) -> Result<Exit, CommandError> {
    // clap accepts only names of presets.
    let one = args.name.as_deref().and_then(Preset::named);
    let output = match (one, args.format) {
        (Some(preset), ReplyFormat::Text) => text(&Shown::new(preset)?),
        (Some(preset), ReplyFormat::Json) => line(&json(&Shown::new(preset)?)),
        (None, ReplyFormat::Text) => table(&all()?),
        (None, ReplyFormat::Json) => line(&all()?.iter().map(json).collect()),
    };
    print(output.as_bytes()).map_err(|error| {
        CommandError::new(Exit::Output, format!("cannot write the presets: {error}"))
    })?;
    Ok(Exit::Success)
}

fn all() -> Result<Vec<Shown>, CommandError> {
    let all: Result<_, PresetError> = Preset::all().map(Shown::new).collect();
    Ok(all?)
}

fn line(json: &Value) -> String {
    outcome::json(json) + "\n"
}

/// Returns a line for each preset, in columns.
fn table(presets: &[Shown]) -> String {
    let mut rows = vec![["PRESET", "PROVIDER", "NEEDS", "CONTACTS"].map(str::to_owned)];
    for Shown { preset, net } in presets {
        let needs = preset.needs().iter().filter(|need| !need.optional);
        let rule = preset.redirect().map(|redirect| redirect.rule);
        let https = (rule == Some(RedirectRule::Https)).then_some("an https redirect URI");
        let needs: Vec<_> = needs.map(|need| need.name.as_str()).chain(https).collect();
        rows.push([
            preset.name().to_owned(),
            preset.title().to_owned(),
            needs.join(", "),
            net.hosts().join(", "),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    let row = |[name, title, needs, contacts]: &[String; 4]| {
        let [first, second, third] = widths;
        format!("{name:first$}  {title:second$}  {needs:third$}  {contacts}\n")
    };
    rows.iter().map(row).collect()
}

/// Returns everything about a preset, in lines with a name and a value.
fn text(shown: &Shown) -> String {
    let preset = &shown.preset;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<13} {value}\n"));
    line("preset", preset.name());
    let provider: Vec<_> = [preset.title()].into_iter().chain(preset.website()).collect();
    line("provider", &provider.join(", "));
    if let Some(register) = preset.register() {
        line("register at", register);
    }
    if let Some(redirect) = preset.redirect() {
        line("redirect URI", &redirect.about);
    }
    for need in preset.needs() {
        let name = if need.optional { "optional" } else { "needs" };
        line(name, &format!("`{}`: {}", hint::flag(preset.name(), need), need.about));
    }
    for (name, value) in shown.lines() {
        line(name, &value);
    }
    line("run", &command(preset));
    text
}

/// Returns a command that signs in with the preset, to copy and fill in.
fn command(preset: &Preset) -> String {
    let mut command = format!("host run {}", preset.name());
    if let Some(flags) = hint::redirect_flags(preset) {
        command += &format!(" {flags}");
    }
    for need in preset.needs().iter().filter(|need| !need.optional) {
        command += &format!(" {}", hint::flag(preset.name(), need));
    }
    command + " --print access_token"
}

fn json(shown: &Shown) -> Value {
    let preset = &shown.preset;
    let needs: Vec<_> = preset
        .needs()
        .iter()
        .map(|need| {
            let kind = match need.kind {
                NeedKind::Config => "config",
                NeedKind::Secret => "secret",
            };
            json!({
                "name": need.name,
                "kind": kind,
                "optional": need.optional,
                "about": need.about,
            })
        })
        .collect();
    let mut object = shown.json();
    object["website"] = json!(preset.website());
    object["register"] = json!(preset.register());
    object["redirect"] = json!(preset.redirect().map(|redirect| &redirect.about));
    object["needs"] = needs.into();
    object["command"] = json!(command(preset));
    object
}
