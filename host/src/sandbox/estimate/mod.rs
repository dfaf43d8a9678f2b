//! Estimates the footprint of a component before it is compiled, in one pass over its binary.
//!
//! A small component can have a large footprint, because it can instantiate a nested component many times. The pass
//! is still linear in the size of the binary: the footprint of one instance is computed once, at the definition.

mod open;

use wasmparser::{Encoding, Parser, Payload};
use wasmtime::{Result, bail};

use super::footprint::Footprint;
use open::Open;

/// The deepest allowed nesting of components.
const DEPTH: usize = 100;

/// Estimates the footprint of a binary component.
pub(super) fn estimate(wasm: &[u8]) -> Result<Footprint> {
    let mut estimator = Estimator::default();
    for payload in Parser::new(0).parse_all(wasm) {
        estimator.add(payload?)?;
    }
    match estimator.total {
        Some(total) => Ok(total),
        None => bail!("unexpected end of the component"),
    }
}

#[derive(Default)]
struct Estimator {
    open: Vec<Open>,
    /// The maximum of each field, over all modules defined so far.
    largest_module: Footprint,
    /// The maximum of each field, over all components defined so far.
    largest_component: Footprint,
    total: Option<Footprint>,
}

impl Estimator {
    fn add(&mut self, payload: Payload<'_>) -> Result<()> {
        if let Payload::Version { encoding, .. } = payload {
            if self.open.len() >= DEPTH {
                bail!("components are nested more than {DEPTH} levels deep");
            }
            self.open.push(Open::new(encoding));
            return Ok(());
        }
        if let Payload::End(_) = payload {
            self.close();
            return Ok(());
        }
        let largest = (self.largest_module, self.largest_component);
        let Some((open, outer)) = self.open.split_last_mut() else { return Ok(()) };
        match open.encoding {
            Encoding::Module => open.module(payload),
            Encoding::Component => open.component(payload, outer, largest),
        }
    }

    fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        let footprint = closed.footprint;
        let outer = self.open.last_mut();
        match (closed.encoding, outer) {
            (_, None) => self.total = Some(footprint),
            (Encoding::Module, Some(outer)) => {
                outer.modules.push(footprint);
                self.largest_module = self.largest_module.max(footprint);
            }
            (Encoding::Component, Some(outer)) => {
                outer.components.push(footprint);
                self.largest_component = self.largest_component.max(footprint);
            }
        }
    }
}
