//! The hidden command that [`curtaincall::Compiler::Program`] runs in its own process.

use curtaincall::internals::sandbox::compile_standard_input;

use crate::cli::CompileArgs;
use crate::exit::Exit;

/// Compiles standard input to standard output. Exits with 1 and a message on standard error if the component is
/// invalid.
// The other commands return an error, which `main` prints. Here the parent process reads standard error, and expects
// only the message that the library has already written.
pub(crate) fn compile(args: &CompileArgs) -> Exit {
    match compile_standard_input(args.memory, args.text.as_deref(), args.metered) {
        Ok(true) => Exit::Success,
        Ok(false) => Exit::Failure,
        Err(_) => Exit::Usage,
    }
}
