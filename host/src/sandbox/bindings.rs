//! The contract of `wit/`, as wasmtime generates it.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "curtaincall:callback/provider",
        exports: { default: async },
    });
}

pub(super) use generated::curtaincall::callback::{session, types};
pub(super) use generated::exports::curtaincall::callback::{authorizer, handler};
