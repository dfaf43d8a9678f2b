//! The commands of `host`, each in its own module.

mod authorize;
mod call;
mod compile;
mod granted;
mod inspect;
mod presets;
mod run;
mod test;

use curtaincall::Compiler;
use tokio::runtime::{Builder, Runtime};

use crate::error::CommandError;
use crate::exit::Exit;

pub(crate) use call::call;
pub(crate) use compile::compile;
pub(crate) use inspect::inspect;
pub(crate) use presets::presets;
pub(crate) use run::run;
pub(crate) use test::test;

/// Creates the compiler that all commands use: this program, in a separate process.
fn compiler() -> Result<Compiler, CommandError> {
    // The link still points to this executable after an update replaced the file on disk.
    if cfg!(target_os = "linux") {
        return Ok(Compiler::Program("/proc/self/exe".into()));
    }
    std::env::current_exe().map(Compiler::Program).map_err(|error| {
        CommandError::new(
            Exit::Guest,
            format!("cannot start the program that compiles guests: {error}"),
        )
    })
}

/// Creates a runtime with a single thread. Guest calls run on their own threads.
pub(crate) fn runtime() -> Result<Runtime, CommandError> {
    Builder::new_current_thread().enable_all().build().map_err(|error| {
        CommandError::new(Exit::Listen, format!("cannot start the async runtime: {error}"))
    })
}
