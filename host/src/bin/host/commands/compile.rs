//! `host compile`: the other end of [`curtaincall::Compiler::Program`].

use curtaincall::internals::Exit;
use curtaincall::internals::sandbox::compile_standard_input;

use crate::cli::CompileArgs;

/// 1 is a component that is not valid, and standard error says why.
pub(crate) fn compile(args: &CompileArgs) -> Exit {
    match compile_standard_input(args.memory, args.text.as_deref(), args.metered) {
        Ok(true) => Exit::Success,
        Ok(false) => Exit::Failure,
        Err(_) => Exit::Usage,
    }
}
