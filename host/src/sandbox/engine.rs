//! The one configuration of wasmtime: what it compiles, for whom, and what it refuses.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, Result};
use wasmtime_wasi::p2;

use super::bindings::{session, types};
use super::state::State;

/// The stack of a guest in bytes; a sign-in page needs a fraction.
const WASM_STACK: usize = 512 << 10;
/// The stack that a call's fiber gets in bytes: the guest's, and host calls on top.
const FIBER_STACK: usize = WASM_STACK + (1 << 20);

/// An engine that compiles, or one that only runs what was compiled before and starts sooner.
pub(super) fn new(compiles: bool) -> Result<Engine> {
    let mut config = Config::new();
    config
        .enable_compiler(compiles)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        // Backtraces walk frame pointers; only Windows unwinds by tables.
        .native_unwind_info(cfg!(windows));
    Engine::new(&config)
}

/// The packages that [`linker`] provides; an import from any other was not granted.
const PROVIDED: [&str; 7] = [
    "curtaincall:callback",
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Whether `import`, e.g. `wasi:cli/stderr@0.2.6`, is from a package that guests get.
pub(super) fn is_granted(import: &str) -> bool {
    PROVIDED.contains(&import.split_once('/').map_or(import, |(package, _)| package))
}

/// What guests import. Of WASI, every interface of the 0.2 command world, on an empty context:
/// standard libraries import files and sockets whether they use them or not, and find none here.
pub(super) fn linker(engine: &Engine, with_wasi: bool) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    session::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    if with_wasi {
        p2::add_to_linker_async(&mut linker)?;
    }
    Ok(linker)
}
