//! `host inspect`: what a guest is, what it could reach, and whether a run would take it.

use bytesize::ByteSize;
use curtaincall::internals::limits::Amount as _;
use curtaincall::internals::sandbox::{Inspection, More, Reach, Verdict, World, inspect as look};
use curtaincall::internals::visible::{CAUSE, beginning, visible};
use curtaincall::internals::{Exit, outcome};
use curtaincall::{Compiler, Error};
use serde_json::{Value, json};

use crate::cli::{InspectArgs, ReplyFormat};
use crate::fatal::Fatal;
use crate::hint;
use crate::report::print;

/// Look at the guest, and print what is known. The exit code says whether a run would take it.
pub(crate) async fn inspect(args: &InspectArgs) -> Result<Exit, Fatal> {
    let compiler = Compiler::this_program().map_err(Error::Program)?;
    let inspection = look(args.guest.clone(), args.terms(compiler)).await?;
    let guest = args.guest.to_string();
    let told = match args.format {
        ReplyFormat::Text => text(&guest, &inspection),
        ReplyFormat::Json => outcome::json(&json(&guest, &inspection)) + "\n",
    };
    print(told.as_bytes()).map_err(|error| {
        Fatal::new(Exit::Output, format!("cannot write what is known: {error}"))
    })?;
    match inspection.verdict {
        Verdict::Accepted { .. } => Ok(Exit::Success),
        Verdict::Refused(error) => Err(error.into()),
    }
}

fn text(guest: &str, inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name:<13} {}\n", beginning(&visible(value), CAUSE)));
    };
    line("guest", guest);
    line("size", &ByteSize(inspection.size as u64).show());
    line("sha256", &inspection.sha256);
    line("world", world(inspection).unwrap_or("none of `curtaincall:callback`"));
    if inspection.exports.is_empty() {
        line("exports", "nothing");
    }
    let and_more = |more: usize| (more > 0).then(|| format!("({more} more)"));
    let More { exports, imports, producers } = inspection.more;
    inspection.exports.iter().for_each(|export| line("exports", export));
    and_more(exports).iter().for_each(|more| line("exports", more));
    if inspection.imports.is_empty() {
        line("imports", "nothing");
    }
    for import in &inspection.imports {
        line("imports", &format!("{} (reaches {})", import.name, reach(import.reach)));
    }
    and_more(imports).iter().for_each(|more| line("imports", more));
    for producer in &inspection.producers {
        line("made with", &format!("{} {} ({})", producer.name, producer.version, producer.field));
    }
    and_more(producers).iter().for_each(|more| line("made with", more));
    line("compiles in", &format!("{:.1} ms", inspection.compile_time.as_secs_f64() * 1e3));
    match &inspection.verdict {
        Verdict::Accepted { memory: Ok(memory) } => {
            line("starts with", &format!("{} of memory", ByteSize(*memory as u64).show()));
            line("run", "accepts it");
        }
        Verdict::Accepted { memory: Err(error) } => {
            line("starts with", &format!("nothing: {}", hint::guest_message(error)));
            line("run", "accepts it");
        }
        Verdict::Refused(_) => line("run", "refuses it"),
    }
    line("grants", &grants(inspection).join(", "));
    line("at worst", &worst(inspection));
    text
}

fn json(guest: &str, inspection: &Inspection) -> Value {
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
        Verdict::Refused(error) => (None, Some(beginning(&hint::load_message(error), CAUSE))),
    };
    json!({
        "guest": guest,
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
        Reach::NotProvided => "what nobody provides",
        Reach::Network => "the network",
        Reach::Configuration => "configuration and secrets",
        Reach::ClockAndRandom => "clock and random",
        Reach::Nothing => "nothing",
    }
}

fn reaches(inspection: &Inspection, wanted: Reach) -> bool {
    inspection.imports.iter().any(|import| import.reach == wanted)
}

/// The flags that give it more than nothing. None is needed.
fn grants(inspection: &Inspection) -> Vec<&'static str> {
    let mut grants = vec!["--allow-page"];
    if inspection.imports.iter().any(|import| import.name.starts_with("wasi:config/")) {
        grants.extend(["--config", "--config-file", "--secret"]);
    }
    grants
}

fn worst(inspection: &Inspection) -> String {
    if matches!(inspection.verdict, Verdict::Refused(_)) {
        return "nothing: it does not run".to_owned();
    }
    let mut worst = "it shows a page that lies, hands over an outcome that lies".to_owned();
    if reaches(inspection, Reach::Configuration) {
        worst
            .push_str(", puts the session and every value and secret that it is granted into them");
    }
    if reaches(inspection, Reach::Network) {
        worst.push_str(", asks other hosts (which a run refuses)");
    }
    worst + ", and spends what its limits allow"
}
