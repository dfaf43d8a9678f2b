//! Inspects a guest without sending it a request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task;
use wasmparser::{KnownCustom, Parser, Payload, ProducersFieldValue};

use super::guest::sha256;
use super::surroundings::Surroundings;
use super::{AUTHORIZER, Guest, GuestError, HANDLER, LoadError, ProviderInputs, Sandbox, Terms};
use super::{compiled, engine};
use crate::outgoing::NoNetwork;
use crate::session::{Secret, Session};
use crate::visible::{NAME, beginning};

/// The custom section with the name and version of `curtaincall-guest`.
const SDK_SECTION: &str = "curtaincall-sdk";

/// The maximum number of exports, of imports and of producers to list.
const LIST_LIMIT: usize = 100;

/// The result of inspecting a guest. The names in it are untrusted: the guest chooses them.
#[derive(Debug)]
pub struct Inspection {
    /// The size of the component, in bytes.
    pub size: usize,
    /// The SHA-256 of the component, in hexadecimal.
    pub sha256: String,
    /// The time to compile the guest.
    pub compile_time: Duration,
    /// The world that the guest targets, if known.
    pub world: Option<World>,
    /// The names of the exports, at most 100.
    pub exports: Vec<String>,
    /// The imports, at most 100. Those with the farthest reach come first.
    pub imports: Vec<Import>,
    /// The tools that built the guest, as the guest states them, at most 100.
    pub producers: Vec<Producer>,
    /// The number of exports, imports and producers that are not listed.
    pub more: More,
    /// Whether a run would accept the guest.
    pub verdict: Verdict,
}

/// Whether a run would accept a guest.
#[derive(Debug)]
pub enum Verdict {
    /// A run would load the guest.
    Accepted {
        /// The memory of a fresh instance in bytes, or why it cannot be instantiated.
        memory: Result<usize, GuestError>,
    },
    /// A run would refuse the guest, with this error.
    Refused(LoadError),
}

/// The number of exports, imports and producers that an [`Inspection`] does not list.
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
    /// The guest answers the callback.
    Guest,
    /// The guest also starts the flow.
    Provider,
}

/// An import of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The name, such as `wasi:cli/stderr@0.2.6`.
    pub name: String,
    /// What a guest could reach through the import.
    pub reach: Reach,
}

/// What a guest could reach through an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The host does not provide the import, so the guest does not run.
    NotProvided,
    /// Other hosts, if they are granted.
    Network,
    /// Secrets that the person lets it read.
    ReadableSecrets,
    /// Secrets that it can send to granted endpoints, and cannot read.
    Secrets,
    /// The session of the run, and the values that are granted.
    Configuration,
    /// The time, and random bytes.
    ClockAndRandom,
    /// Nothing.
    Nothing,
}

/// A tool that built a guest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// The kind of the tool: `language`, `processed-by` or `sdk` (WebAssembly tool conventions).
    pub field: String,
    /// The name, such as `rustc`.
    pub name: String,
    /// The version, such as `1.95.0`.
    pub version: String,
}

impl Reach {
    fn of(import: &str) -> Self {
        let name = import.split('@').next().unwrap_or_default();
        let (package, interface) = name.split_once('/').unwrap_or((name, ""));
        match (package, interface) {
            _ if !engine::is_provided(import) => Self::NotProvided,
            ("wasi:http", "outgoing-handler")
            | ("curtaincall:callback", "exchange" | "identity") => Self::Network,
            ("curtaincall:callback", "reveal") => Self::ReadableSecrets,
            ("curtaincall:callback", "secrets") => Self::Secrets,
            ("wasi:config", _) | ("curtaincall:callback", "session") => Self::Configuration,
            ("wasi:clocks" | "wasi:random", _) => Self::ClockAndRandom,
            _ => Self::Nothing,
        }
    }
}

/// Compiles and inspects a guest. This runs the guest's start function, within the limits.
///
/// # Errors
/// Fails if the guest cannot be read or compiled, or is not a valid component. A guest that a run would refuse for its
/// exports or imports can be inspected: see [`Verdict`].
pub async fn inspect(guest: Guest, terms: Terms) -> Result<Inspection, LoadError> {
    let source = guest.read(&terms.limits)?;
    let sha256 = sha256(&source);
    let size = source.len();
    let (producers, more_producers) = producers(&source);
    let started = Instant::now();
    let ready = terms.compile(&guest, source).await?;
    let compile_time = started.elapsed();
    let running = engine::running(terms.limits.stack, false).map_err(LoadError::engine)?;
    let (loading, limits) = (running.clone(), terms.limits.clone());
    let loaded = task::spawn_blocking(move || compiled::load(&loading, &ready, &limits)).await;
    let loaded = loaded.unwrap_or_else(|error| Err(wasmtime::Error::new(error)));
    let (component, loaded_bytes) = loaded.map_err(LoadError::engine)?;

    let world = component.component_type();
    let mut exports: Vec<String> = world.exports(&running).map(|(name, _)| shown(name)).collect();
    let mut imports: Vec<Import> = world
        .imports(&running)
        .map(|(name, _)| Import { name: shown(name), reach: Reach::of(name) })
        .collect();
    imports.sort_by(|a, b| (a.reach, &a.name).cmp(&(b.reach, &b.name)));
    let more = More {
        exports: truncate(&mut exports),
        imports: truncate(&mut imports),
        producers: more_producers,
    };
    let has = |export| component.get_export_index(None, export).is_some();
    let world = if has(AUTHORIZER) { World::Provider } else { World::Guest };
    let world = has(HANDLER).then_some(world);
    let sandbox = Sandbox::of(&guest, (&component, loaded_bytes), terms, Arc::new(|_| {}), None);
    let verdict = match sandbox {
        Ok(sandbox) => Verdict::Accepted { memory: sandbox.initial_memory().await },
        Err(error) => Verdict::Refused(error),
    };
    Ok(Inspection { size, sha256, compile_time, world, exports, imports, producers, more, verdict })
}

impl Sandbox {
    async fn initial_memory(&self) -> Result<usize, GuestError> {
        let empty = || Secret::from(String::new());
        let session = Session::new(String::new(), empty(), empty(), empty());
        let upstream = Arc::new(NoNetwork);
        let surroundings = Surroundings::real(
            Arc::new(session),
            Arc::default(),
            upstream,
            ProviderInputs::default(),
        );
        let (called, cost) = self.0.call(&surroundings, async |_, _| Ok(())).await;
        called.map(|()| cost.memory)
    }
}

/// Lists the tools in the `producers` sections of the component and its modules, and in the section of the SDK.
///
/// Also returns the number of tools that are not listed. At most [`LIST_LIMIT`] tools are kept in memory, because a
/// component can name any number of them. Text has no such sections, and an invalid section ends the list.
fn producers(source: &[u8]) -> (Vec<Producer>, usize) {
    let (mut producers, mut more) = (BTreeSet::new(), 0);
    let mut add = |field: &str, value: ProducersFieldValue<'_>| {
        if producers.len() < LIST_LIMIT {
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
    Producer { field: shown(field), name: shown(value.name), version: shown(value.version) }
}

/// Shortens a list to [`LIST_LIMIT`]. Returns the number of removed items.
fn truncate<T>(list: &mut Vec<T>) -> usize {
    let more = list.len().saturating_sub(LIST_LIMIT);
    list.truncate(LIST_LIMIT);
    more
}

fn shown(text: &str) -> String {
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

    /// Returns a component that has only a `producers` section, with `count` languages.
    fn component(count: usize) -> Vec<u8> {
        let mut section = [name("producers"), leb(1), name("language"), leb(count)].concat();
        for number in 0..count {
            section.extend([name(&format!("{number:06}")), name("1")].concat());
        }
        [b"\0asm\x0d\0\x01\0\0".to_vec(), leb(section.len()), section].concat()
    }

    #[test]
    fn producers_beyond_the_limit_are_only_counted() {
        let (few, none) = producers(&component(3));
        assert_eq!((few.len(), none), (3, 0));
        let (kept, more) = producers(&component(100_000));
        assert_eq!((kept.len(), more), (LIST_LIMIT, 100_000 - LIST_LIMIT));
        assert_eq!(kept[0].name, "000000");
    }
}
