//! The commands of `host`, each in its own module.

mod call;
mod compile;
mod inspect;
mod run;
mod test;

use curtaincall::Compiler;
use tokio::runtime::{Builder, Runtime};

use crate::exit::Exit;
use crate::fatal::Fatal;

pub(crate) use call::call;
pub(crate) use compile::compile;
pub(crate) use inspect::inspect;
pub(crate) use run::run;
pub(crate) use test::test;

/// Creates the compiler of every command: this program, in a process of its own.
fn compiler() -> Result<Compiler, Fatal> {
    Compiler::this_program().map_err(|error| {
        Fatal::new(Exit::Guest, format!("cannot start the program that compiles guests: {error}"))
    })
}

/// Creates a runtime with a single thread. Guest calls run on their own threads.
pub(crate) fn runtime() -> Result<Runtime, Fatal> {
    Builder::new_current_thread().enable_all().build().map_err(|error| {
        Fatal::new(Exit::Listen, format!("cannot start the async runtime: {error}"))
    })
}
