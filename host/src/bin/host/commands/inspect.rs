//! The command `host inspect`: shows what a guest is, what it could reach, what its preset grants, and whether
//! `host run` accepts it.

use bytesize::ByteSize;
use curtaincall::internals::limits::Amount as _;
use curtaincall::internals::outcome;
use curtaincall::internals::sandbox::{
    Inspection, More, Reach, Verdict, World, announced, inspect as inspect_guest,
};
use curtaincall::internals::visible::{CAUSE, beginning, visible};
use serde_json::{Value, json};

use super::granted::Shown;
use crate::cli::{Chosen, InspectArgs, ReplyFormat};
use crate::console::Console;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::hint;
use crate::output::print;

/// Inspects the guest and prints the result. The exit code says whether `host run` accepts the guest.
pub(crate) async fn inspect(args: &InspectArgs, console: &Console) -> Result<Exit, CommandError> {
    let compiler = super::compiler()?;
    let Chosen { guest, preset } = args.guest.read()?;
    let preset = preset.map(Shown::new).transpose()?;
    let inspecting = inspect_guest(guest.clone(), args.limits.terms(compiler));
    let inspection = announced(inspecting, || console.compiling(guest.size())).await?;
    let guest = guest.to_string();
    let output = match args.format {
        ReplyFormat::Text => text(&guest, preset.as_ref(), &inspection),
        ReplyFormat::Json => outcome::json(&json(&guest, preset.as_ref(), &inspection)) + "\n",
    };
    print(output.as_bytes()).map_err(|error| {
        CommandError::new(Exit::Output, format!("cannot write the result: {error}"))
    })?;
    match inspection.verdict {
        Verdict::Accepted { .. } => Ok(Exit::Success),
        Verdict::Refused(error) => Err(error.into()),
    }
}

fn text(guest: &str, preset: Option<&Shown>, inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name:<13} {}\n", beginning(&visible(value), CAUSE)));
    };
    line("guest", guest);
    if let Some(Shown { preset, .. }) = preset {
        line("preset", &format!("{}, {}", preset.name(), preset.title()));
    }
    line("size", &ByteSize(inspection.size as u64).show());
    line("sha256", &inspection.sha256);
    line("world", world(inspection).unwrap_or("not a world of `curtaincall:callback`"));
    if inspection.exports.is_empty() {
        line("exports", "nothing");
    }
    let and_more = |more: usize| format!("({more} more)");
    let More { exports, imports, producers } = inspection.more;
    for export in &inspection.exports {
        line("exports", export);
    }
    if exports > 0 {
        line("exports", &and_more(exports));
    }
    if inspection.imports.is_empty() {
        line("imports", "nothing");
    }
    for import in &inspection.imports {
        let reach = match import.reach {
            Reach::NotProvided => reach(import.reach).to_owned(),
            _ => format!("reaches {}", reach(import.reach)),
        };
        line("imports", &format!("{} ({reach})", import.name));
    }
    if imports > 0 {
        line("imports", &and_more(imports));
    }
    for producer in &inspection.producers {
        line("made with", &format!("{} {} ({})", producer.name, producer.version, producer.field));
    }
    if producers > 0 {
        line("made with", &and_more(producers));
    }
    line("compiles in", &format!("{:.1} ms", inspection.compile_time.as_secs_f64() * 1e3));
    match &inspection.verdict {
        Verdict::Accepted { memory: Ok(memory) } => {
            line("starts with", &format!("{} of memory", ByteSize(*memory as u64).show()));
            line("run", "accepts it");
        }
        Verdict::Accepted { memory: Err(error) } => {
            line("starts with", &format!("an error: {}", hint::message(error, error.remedy())));
            line("run", "accepts it");
        }
        Verdict::Refused(_) => line("run", "refuses it"),
    }
    line("grants", &grants(inspection).join(", "));
    for (name, value) in preset.map(Shown::lines).unwrap_or_default() {
        line(name, &value);
    }
    line("at worst", &worst(inspection));
    text
}

fn json(guest: &str, preset: Option<&Shown>, inspection: &Inspection) -> Value {
    let imports: Vec<_> = inspection
        .imports
        .iter()
        .map(|import| json!({ "name": import.name, "reach": reach(import.reach) }))
        .collect();
    let producers: Vec<_> = inspection
        .producers
        .iter()
        .map(|p| json!({ "field": p.field, "name": p.name, "version": p.version }))
        .collect();
    let More { exports, imports: more_imports, producers: more_producers } = inspection.more;
    let (memory, refused) = match &inspection.verdict {
        Verdict::Accepted { memory } => (memory.as_ref().ok(), None),
        Verdict::Refused(error) => {
            (None, Some(beginning(&hint::message(error, error.remedy()), CAUSE)))
        }
    };
    json!({
        "guest": guest,
        "preset": preset.map(Shown::json),
        "size_bytes": inspection.size,
        "sha256": inspection.sha256,
        "world": world(inspection),
        "exports": inspection.exports,
        "imports": imports,
        "producers": producers,
        "more": { "exports": exports, "imports": more_imports, "producers": more_producers },
        "compile_ms": inspection.compile_time.as_secs_f64() * 1e3,
        "memory_bytes": memory,
        "accepted": refused.is_none(),
        "refused": refused,
        "grants": grants(inspection),
        "at_worst": worst(inspection),
    })
}

fn world(inspection: &Inspection) -> Option<&'static str> {
    inspection.world.map(|world| match world {
        World::Guest => "curtaincall:callback/guest@0.1.0",
        World::Provider => "curtaincall:callback/provider@0.1.0",
    })
}

fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::NotProvided => "not provided by the host",
        Reach::Network => "the network",
        Reach::ReadableSecrets => "secrets, which it can read",
        Reach::Secrets => "secrets, which it cannot read",
        Reach::Configuration => "the session and the configuration",
        Reach::ClockAndRandom => "clock and random",
        Reach::Nothing => "nothing",
    }
}

fn reaches(inspection: &Inspection, wanted: Reach) -> bool {
    inspection.imports.iter().any(|import| import.reach == wanted)
}

/// Returns the flags that can grant something to this guest.
fn grants(inspection: &Inspection) -> Vec<&'static str> {
    let imports =
        |start: &str| inspection.imports.iter().any(|import| import.name.starts_with(start));
    let mut grants = vec!["--allow-page"];
    if imports("wasi:config/") {
        grants.extend(["--config", "--config-file"]);
    }
    if imports("curtaincall:callback/secrets@") {
        grants.push("--secret");
    }
    if reaches(inspection, Reach::ReadableSecrets) {
        grants.push("--allow-reveal");
    }
    if reaches(inspection, Reach::Network) {
        grants.extend(["--allow-net", "--grants"]);
    }
    if inspection.exports.iter().any(|name| name.starts_with("curtaincall:callback/authorizer@")) {
        grants.push("--allow-open");
    }
    grants
}

fn worst(inspection: &Inspection) -> String {
    if matches!(inspection.verdict, Verdict::Refused(_)) {
        return "nothing: the host does not run it".to_owned();
    }
    let mut worst = "it shows a false page, returns a false outcome".to_owned();
    if reaches(inspection, Reach::Configuration) {
        worst.push_str(", puts the session and every configured value into both");
    }
    if reaches(inspection, Reach::ReadableSecrets) {
        worst.push_str(", shows every secret that you let it read");
    }
    if reaches(inspection, Reach::Secrets) {
        worst.push_str(", sends secrets, which it cannot read, to any granted endpoint");
    }
    if reaches(inspection, Reach::Network) {
        worst.push_str(", sends requests to any granted host");
    }
    worst + ", and uses as much as its limits allow"
}
