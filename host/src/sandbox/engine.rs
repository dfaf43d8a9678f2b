//! The configuration of wasmtime, and the interfaces that guests can import.

use bytesize::ByteSize;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, Result};
use wasmtime_wasi::p2;

use super::bindings::{config as wasi_config, exchange, reveal, secrets, session, types};
use super::state::CallState;
use crate::limits::bytes;

/// Stack for host calls in bytes. Each call's fiber has it in addition to the guest's own stack.
const HOST_STACK: usize = 1 << 20;

/// Creates an engine that only compiles. If `metered`, the compiled code counts its fuel, which makes it slower.
pub(super) fn compiling(metered: bool) -> Result<Engine> {
    Engine::new(&config(metered))
}

/// Creates an engine that only runs compiled code. Without a compiler it starts faster.
pub(super) fn running(stack: ByteSize, metered: bool) -> Result<Engine> {
    let stack = bytes(stack);
    let mut config = config(metered);
    config
        .enable_compiler(false)
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK));
    Engine::new(&config)
}

/// Returns the settings that must be the same for compiling and for running.
fn config(metered: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(metered)
        // No memory images: they turn a few sparse bytes of a component into megabytes of compiled code. Each
        // call would also need a file descriptor, and clients can use up all of them.
        .memory_init_cow(false)
        // Backtraces walk frame pointers. Only Windows needs unwind tables.
        .native_unwind_info(cfg!(windows));
    config
}

/// The packages that [`linker`] provides. A guest that imports from another package is refused.
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

/// The interface whose resource all other interfaces for providers use.
const SECRETS: &str = "curtaincall:callback/secrets@";

/// The interface that lets a guest read secrets.
pub(super) const REVEAL: &str = "curtaincall:callback/reveal@";

/// Returns whether the host provides the package of `import`, such as `wasi:cli/stderr@0.2.6`.
pub(super) fn is_provided(import: &str) -> bool {
    PROVIDED.contains(&import.split_once('/').map_or(import, |(package, _)| package))
}

/// Creates the linker for a guest with these `imports`.
///
/// The linker provides every interface of the WASI 0.2 command world, with an empty context. Standard libraries import
/// the interfaces for files and sockets even in programs that use neither. Here, these interfaces give access to
/// nothing.
pub(super) fn linker(engine: &Engine, imports: &[String]) -> Result<Linker<CallState>> {
    let imports_of = |package: &str| imports.iter().any(|name| name.starts_with(package));
    let mut linker = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    session::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    if imports_of(SECRETS) {
        secrets::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
        exchange::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
        reveal::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
        #[cfg(feature = "net")]
        super::bindings::identity::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| {
            state
        })?;
    }
    if imports_of("wasi:") {
        p2::add_to_linker_async(&mut linker)?;
    }
    if imports_of("wasi:config/") {
        wasi_config::store::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    }
    if imports_of("wasi:http/") {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    }
    Ok(linker)
}
