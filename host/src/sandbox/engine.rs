//! The one configuration of wasmtime: what it compiles, for whom, and what it refuses.

use bytesize::ByteSize;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, Result};
use wasmtime_wasi::p2;

use super::bindings::{config as wasi_config, session, types};
use super::state::State;
use crate::limits::bytes;

/// What a call's fiber gets besides the guest's own stack, for host calls, in bytes.
const HOST_STACK: usize = 1 << 20;

/// An engine that only compiles. What is `metered` counts its fuel, and is slower.
pub(super) fn compiling(metered: bool) -> Result<Engine> {
    Engine::new(&config(metered))
}

/// An engine that only runs what was compiled before: it starts sooner than one that compiles.
pub(super) fn running(stack: ByteSize, metered: bool) -> Result<Engine> {
    let stack = bytes(stack);
    let mut config = config(metered);
    config
        .enable_compiler(false)
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK));
    Engine::new(&config)
}

/// What both have to agree on.
fn config(metered: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(metered)
        // No images of memory: a few sparse bytes of a component would become megabytes of compiled code,
        // and each call would need a descriptor, of which clients may leave none.
        .memory_init_cow(false)
        // Backtraces walk frame pointers; only Windows unwinds by tables.
        .native_unwind_info(cfg!(windows));
    config
}

/// The packages that [`linker`] provides; an import from any other was not granted.
const PROVIDED: [&str; 9] = [
    "curtaincall:callback",
    "wasi:cli",
    "wasi:clocks",
    "wasi:config",
    "wasi:filesystem",
    "wasi:http",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Whether `import`, e.g. `wasi:cli/stderr@0.2.6`, is from a package that guests get.
pub(super) fn is_granted(import: &str) -> bool {
    PROVIDED.contains(&import.split_once('/').map_or(import, |(package, _)| package))
}

/// What a guest with these `imports` is linked with. Of WASI, every interface of the 0.2 command world, on
/// an empty context: standard libraries import files and sockets whether they use them or not, and find
/// none here.
pub(super) fn linker(engine: &Engine, imports: &[String]) -> Result<Linker<State>> {
    let imports_of = |package: &str| imports.iter().any(|name| name.starts_with(package));
    let mut linker = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    session::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    if imports_of("wasi:") {
        p2::add_to_linker_async(&mut linker)?;
    }
    if imports_of("wasi:config/") {
        wasi_config::store::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    }
    if imports_of("wasi:http/") {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    }
    Ok(linker)
}
