//! The one configuration of wasmtime: what it compiles, for whom, and what it refuses.

use wasmtime::component::Linker;
use wasmtime::{Cache, Config, Engine, Result};
use wasmtime_wasi::p2;

use super::bindings::{session, types};
use super::state::State;

/// The stack of a guest in bytes; a sign-in page needs a fraction.
const WASM_STACK: usize = 512 << 10;
/// The stack that a call's fiber gets in bytes: the guest's, and host calls on top.
const FIBER_STACK: usize = WASM_STACK + (1 << 20);

pub(super) fn new(cache: Option<Cache>) -> Result<Engine> {
    let mut config = Config::new();
    config
        .cache(cache)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .wasm_component_model(true);
    Engine::new(&config)
}

/// The packages that [`linker`] provides; an import from any other was not granted.
pub(super) const PROVIDED: [&str; 7] = [
    "curtaincall:callback",
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Every interface of WASI 0.2's command world, on an empty context: standard libraries import
/// files and sockets whether they use them or not, and find none here.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    p2::add_to_linker_async(&mut linker)?;
    types::add_to_linker::<State, wasmtime::component::HasSelf<State>>(&mut linker, |state| state)?;
    session::add_to_linker::<State, wasmtime::component::HasSelf<State>>(&mut linker, |state| {
        state
    })?;
    Ok(linker)
}
