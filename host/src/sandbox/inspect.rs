//! What can be known of a guest without putting a request to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::task;
use wasmparser::{KnownCustom, Parser, Payload, ProducersFieldValue};

use super::surroundings::Surroundings;
use super::{AUTHORIZER, Guest, GuestError, HANDLER, LoadError, Sandbox, Terms};
use super::{compiled, engine};
use crate::outgoing::DenyAll;
use crate::session::{Secret, Session};
use crate::visible::{NAME, beginning};

/// The custom section in which `curtaincall-guest` names itself.
const SDK_SECTION: &str = "curtaincall-sdk";

/// How many exports, imports and producers are told, of each.
const WORDS: usize = 100;

/// What can be known of a guest without putting a request to it. The words in it are the guest's.
#[derive(Debug)]
pub struct Inspection {
    /// The size of the component, in bytes.
    pub size: usize,
    /// The SHA-256 of the component, in hexadecimal.
    pub sha256: String,
    /// How long it takes to compile.
    pub compile_time: Duration,
    /// Which world it is made for.
    pub world: Option<World>,
    /// The names of its exports, as far as they are told.
    pub exports: Vec<String>,
    /// Its imports, as far as they are told; those that reach farthest come first.
    pub imports: Vec<Import>,
    /// What it was made with, as it says itself and as far as that is told.
    pub producers: Vec<Producer>,
    /// How many more there are.
    pub more: More,
    /// Whether a run would accept it.
    pub verdict: Verdict,
}

/// Whether a run would accept a guest.
#[derive(Debug)]
pub enum Verdict {
    /// It would.
    Accepted {
        /// The memory of a fresh instance in bytes, or why it cannot be instantiated.
        memory: Result<usize, GuestError>,
    },
    /// It would not.
    Refused(LoadError),
}

/// How many words of a guest's are not told: it may have as many as it likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct More {
    /// Exports.
    pub exports: usize,
    /// Imports.
    pub imports: usize,
    /// Producers.
    pub producers: usize,
}

/// A world of `curtaincall:callback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// It renders.
    Guest,
    /// It starts the flow as well.
    Provider,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its name, e.g. `wasi:cli/stderr@0.2.6`.
    pub name: String,
    /// What a guest could reach through it.
    pub reach: Reach,
}

/// What a guest could reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// No host provides it: it does not run.
    NotProvided,
    /// Other hosts, once they are granted.
    Network,
    /// This run's session, and the values and secrets that it is granted.
    Configuration,
    /// The time, and random bytes.
    ClockAndRandom,
    /// Nothing.
    Nothing,
}

/// What a guest was made with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk` (WebAssembly tool conventions).
    pub field: String,
    /// E.g. `rustc`.
    pub name: String,
    /// E.g. `1.95.0`.
    pub version: String,
}

impl Reach {
    fn of(import: &str) -> Self {
        let name = import.split('@').next().unwrap_or_default();
        let (package, interface) = name.split_once('/').unwrap_or((name, ""));
        match (package, interface) {
            _ if !engine::is_granted(import) => Self::NotProvided,
            ("wasi:http", "outgoing-handler") => Self::Network,
            ("wasi:config", _) | ("curtaincall:callback", "session") => Self::Configuration,
            ("wasi:clocks" | "wasi:random", _) => Self::ClockAndRandom,
            _ => Self::Nothing,
        }
    }
}

/// Compile a guest, and look at it; its start function runs, under its limits.
///
/// # Errors
/// When it is no valid component. One that a run would refuse can be inspected.
pub async fn inspect(guest: Guest, terms: Terms) -> Result<Inspection, LoadError> {
    let source = guest.read(&terms.limits)?;
    let digest = Sha256::digest(&source);
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let size = source.len();
    let (producers, more_producers) = producers(&source);
    let started = Instant::now();
    let ready = terms.compile(&guest, source).await?;
    let compile_time = started.elapsed();
    let running = engine::running(terms.limits.stack, false).map_err(LoadError::engine)?;
    let (loading, limits) = (running.clone(), terms.limits.clone());
    let loaded = task::spawn_blocking(move || compiled::load(&loading, &ready, &limits)).await;
    let loaded = loaded.unwrap_or_else(|error| Err(wasmtime::Error::new(error)));
    let (component, held) = loaded.map_err(LoadError::engine)?;

    let world = component.component_type();
    let mut exports: Vec<String> = world.exports(&running).map(|(name, _)| word(name)).collect();
    let mut imports: Vec<Import> = world
        .imports(&running)
        .map(|(name, _)| Import { name: word(name), reach: Reach::of(name) })
        .collect();
    imports.sort_by(|a, b| (a.reach, &a.name).cmp(&(b.reach, &b.name)));
    let more =
        More { exports: cut(&mut exports), imports: cut(&mut imports), producers: more_producers };
    let has = |export| component.get_export_index(None, export).is_some();
    let world = match (has(HANDLER), has(AUTHORIZER)) {
        (true, true) => Some(World::Provider),
        (true, false) => Some(World::Guest),
        _ => None,
    };
    let sandbox = Sandbox::of(&guest, (&component, held), terms, Arc::new(|_| {}), None);
    let verdict = match sandbox {
        Ok(sandbox) => Verdict::Accepted { memory: sandbox.initial_memory().await },
        Err(error) => Verdict::Refused(error),
    };
    Ok(Inspection { size, sha256, compile_time, world, exports, imports, producers, more, verdict })
}

impl Sandbox {
    async fn initial_memory(&self) -> Result<usize, GuestError> {
        let nothing = || Secret::from(String::new());
        let session = Session::new(String::new(), nothing(), nothing(), nothing());
        let surroundings = Surroundings::real(Arc::new(session), Arc::default(), Arc::new(DenyAll));
        let (called, cost) = self.0.call(&surroundings, async |_, _| Ok(Ok(()))).await;
        called.map(|()| cost.memory)
    }
}

/// What the sections called `producers` of the component and its modules say, and which SDK it was written
/// with; and how many more they name. Text has no such sections, and what does not parse has no more. They may be
/// as many as fit into the component: no more are kept than are told.
fn producers(source: &[u8]) -> (Vec<Producer>, usize) {
    let (mut producers, mut more) = (BTreeSet::new(), 0);
    let mut add = |field: &str, value: ProducersFieldValue<'_>| {
        if producers.len() < WORDS {
            producers.insert(producer(field, value));
        } else {
            more += 1;
        }
    };
    for payload in Parser::new(0).parse_all(source) {
        let Ok(payload) = payload else { break };
        let Payload::CustomSection(section) = payload else { continue };
        if section.name() == SDK_SECTION {
            let text = String::from_utf8_lossy(&section.data()[..section.data().len().min(NAME)]);
            let (name, version) = text.split_once(' ').unwrap_or((&text, ""));
            add("sdk", ProducersFieldValue { name, version });
        }
        if let KnownCustom::Producers(fields) = section.as_known() {
            for field in fields.into_iter().map_while(Result::ok) {
                let values = field.values.into_iter().map_while(Result::ok);
                values.for_each(|value| add(field.name, value));
            }
        }
    }
    (producers.into_iter().collect(), more)
}

fn producer(field: &str, value: ProducersFieldValue<'_>) -> Producer {
    Producer { field: word(field), name: word(value.name), version: word(value.version) }
}

/// Keep what is told, and count the rest.
fn cut<T>(words: &mut Vec<T>) -> usize {
    let more = words.len().saturating_sub(WORDS);
    words.truncate(WORDS);
    more
}

fn word(text: &str) -> String {
    beginning(&text, NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = (number & 0x7f) as u8;
            number >>= 7;
            bytes.push(if number > 0 { low | 0x80 } else { low });
            if number == 0 {
                return bytes;
            }
        }
    }

    fn name(text: &str) -> Vec<u8> {
        [leb(text.len()), text.as_bytes().to_vec()].concat()
    }

    /// A component with nothing in it but so many producers.
    fn component(count: usize) -> Vec<u8> {
        let mut section = [name("producers"), leb(1), name("language"), leb(count)].concat();
        for number in 0..count {
            section.extend([name(&format!("{number:06}")), name("1")].concat());
        }
        [b"\0asm\x0d\0\x01\0\0".to_vec(), leb(section.len()), section].concat()
    }

    #[test]
    fn of_producers_no_more_are_kept_than_are_told() {
        let (few, none) = producers(&component(3));
        assert_eq!((few.len(), none), (3, 0));
        let (kept, more) = producers(&component(100_000));
        assert_eq!((kept.len(), more), (WORDS, 100_000 - WORDS));
        assert_eq!(kept[0].name, "000000");
    }
}
