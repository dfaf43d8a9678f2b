//! The process that [`Compiler::Program`](super::Compiler::Program) starts.

use std::io::{self, Read as _, Write as _};

use bytesize::ByteSize;

use super::compiled::{compile, parse};
use super::lockdown;

/// Compiles the guest on standard input to standard output, with at most `memory`. The compiler process runs this.
///
/// `text` is the name of a guest in text format, and `None` for a binary. Returns false if the guest does not
/// compile; the reason is then on standard error.
///
/// Before it reads its input, the process restricts itself. If the kernel has Landlock and seccomp, it can no longer
/// open files, use the network or start programs.
///
/// # Errors
/// Fails if standard input or output fails, or the memory limit cannot be set.
pub fn compile_standard_input(
    memory: ByteSize,
    text: Option<&str>,
    metered: bool,
) -> io::Result<bool> {
    limit_memory(memory)?;
    lockdown::close_inherited();
    lockdown::lock_down();
    let mut source = Vec::new();
    io::stdin().lock().read_to_end(&mut source)?;
    let mut stdout = io::stdout().lock();
    let compiled = match parse(&source, text) {
        Ok((wasm, footprint)) => {
            stdout.write_all(&footprint.to_bytes())?;
            stdout.flush()?;
            compile(&wasm, metered)
        }
        Err(error) => Err(error),
    };
    match compiled {
        Ok((loaded_bytes, code)) => {
            stdout.write_all(&loaded_bytes.to_le_bytes())?;
            stdout.write_all(&code)?;
            stdout.flush().map(|()| true)
        }
        Err(error) => {
            serde_json::to_writer(io::stderr().lock(), &error)?;
            Ok(false)
        }
    }
}

/// Limits the memory of this process, and makes the process end when its parent ends.
///
/// The limit covers writable private memory (`RLIMIT_DATA`, getrlimit(2)). Address space that an allocator only
/// reserves for a thread does not count.
#[cfg(target_os = "linux")]
fn limit_memory(memory: ByteSize) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let allowed = getrlimit(Resource::Data).maximum;
    let bytes = allowed.map_or(memory.as_u64(), |allowed| allowed.min(memory.as_u64()));
    setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_: ByteSize) -> io::Result<()> {
    Ok(())
}
