//! Compiles a guest, in this process or in a separate one.
//!
//! A separate process is safer, because the compiler is large and a guest is untrusted input. The operating system
//! restricts the process and its memory, and the host can end it at any time.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdout, Command};
use tokio::task;
use tokio::time::timeout;

use super::compiled::{CompileError, HEADER_LEN, check, compile, parse};
use super::footprint::Footprint;
use super::guest::Guest;
use super::{LoadError, Terms};
use crate::limits::{Amount as _, Limit, LimitError, Limits, bytes};

/// The subcommand of `host` that [`Compiler::Program`] starts.
///
/// clap suggests a similar subcommand for an unknown one. This name is similar to no word that a user may try.
pub const SUBCOMMAND: &str = "__aot";

/// The flag of [`SUBCOMMAND`] for a guest whose fuel is counted.
const METERED: &str = "--metered";

/// The maximum number of threads of the compiler process. Each thread needs its own memory. With one thread per core, a
/// guest could fit into the memory limit on a laptop but not on a server.
const THREADS: usize = 4;

/// The environment variable for the number of threads of Rayon, with which wasmtime compiles.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// The number of bytes that the host reads from the standard error of the compiler process.
const STDERR_LIMIT: u64 = 1 << 20;

/// Where a guest is compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compiler {
    /// In a thread of this process, without a limit on memory.
    ///
    /// At the time limit, loading fails, but the thread runs until the compiler has finished.
    #[default]
    InProcess,
    /// In a separate process of this `host` program, with a limit on time.
    ///
    /// On Linux there is also a limit on memory. If the kernel has Landlock and seccomp, the process cannot open
    /// files, use the network or start programs.
    Program(PathBuf),
}

impl Terms {
    /// Compiles `guest`, whose bytes are `source`, within the limit on time.
    pub(super) async fn compile(
        &self,
        guest: &Guest,
        source: Vec<u8>,
    ) -> Result<Vec<u8>, LoadError> {
        let limits = &self.limits;
        let compiled = async {
            match &self.compiler {
                Compiler::InProcess => in_process(guest, source, self).await,
                Compiler::Program(program) => in_program(program, guest, &source, self).await,
            }
        };
        timeout(limits.compile_time, compiled).await.unwrap_or_else(|_| {
            let limit = LimitError::new(Limit::CompileTime, limits);
            Err(LoadError::Limit { guest: guest.clone(), limit })
        })
    }
}

async fn in_process(
    guest: &Guest,
    source: Vec<u8>,
    Terms { limits, metered, .. }: &Terms,
) -> Result<Vec<u8>, LoadError> {
    let (named, limits, metered) = (guest.clone(), limits.clone(), *metered);
    let run = move || -> Result<Vec<u8>, LoadError> {
        let invalid = |error: CompileError| error.into_load_error(&named, &limits);
        let reached = |limit| LoadError::Limit { guest: named.clone(), limit };
        let text = text_name(&named);
        let (wasm, footprint) = parse(&source, text.as_deref()).map_err(invalid)?;
        let mut compiled = footprint.to_bytes();
        check(&compiled, &limits).map_err(reached)?;
        let (loaded_bytes, code) = compile(&wasm, metered).map_err(invalid)?;
        compiled.extend(loaded_bytes.to_le_bytes());
        check(&compiled, &limits).map_err(reached)?;
        if code.len() > bytes(limits.compiled) {
            return Err(reached(LimitError::new(Limit::Compiled, &limits)));
        }
        compiled.extend(code);
        Ok(compiled)
    };
    let failed =
        |error: task::JoinError| LoadError::Compiler { guest: guest.clone(), source: error.into() };
    task::spawn_blocking(run).await.map_err(failed)?
}

/// Returns the name of a text guest, for parse errors, or `None` for a binary.
fn text_name(guest: &Guest) -> Option<String> {
    guest.is_text().then(|| guest.to_string())
}

/// Creates the command that starts the compiler process for `guest`. It does not inherit the environment.
fn command(program: &Path, guest: &Guest, Terms { limits, metered, .. }: &Terms) -> Command {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new(program);
    command
        .args([SUBCOMMAND, &limits.compile_memory.show()])
        .args(metered.then_some(METERED))
        .arg("--")
        .args(text_name(guest))
        .env_clear()
        .env(THREADS_VARIABLE, cores.min(THREADS).to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn in_program(
    program: &Path,
    guest: &Guest,
    source: &[u8],
    terms: &Terms,
) -> Result<Vec<u8>, LoadError> {
    let limits = &terms.limits;
    let failed = |source: io::Error| LoadError::Compiler { guest: guest.clone(), source };
    let reached = |limit: LimitError| LoadError::Limit { guest: guest.clone(), limit };
    let mut child = command(program, guest, terms).spawn().map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write_input = async {
        // If the compiler stops reading, its standard error has the reason.
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(source).await;
        }
        Ok::<(), LoadError>(())
    };
    let read_output = async {
        match stdout {
            Some(stdout) => match receive(stdout, limits).await.map_err(failed)? {
                Received::Complete(compiled) => Ok(compiled),
                Received::TooLarge(limit) => Err(reached(limit)),
            },
            None => Ok(Vec::new()),
        }
    };
    let read_errors = async {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            stderr.take(STDERR_LIMIT).read_to_end(&mut text).await.map_err(failed)?;
        }
        Ok::<Vec<u8>, LoadError>(text)
    };
    let exit = async { child.wait().await.map_err(failed) };
    // On the first error, the child is dropped, which ends its process.
    let ((), compiled, stderr, status) =
        tokio::try_join!(write_input, read_output, read_errors, exit)?;
    if status.success() && compiled.len() > HEADER_LEN {
        Ok(compiled)
    } else if let Ok(error) = serde_json::from_slice::<CompileError>(&stderr) {
        Err(error.into_load_error(guest, limits))
    } else if is_out_of_memory(&stderr) {
        Err(reached(LimitError::new(Limit::CompileMemory, limits)))
    } else if String::from_utf8_lossy(&stderr).contains("has overflowed its stack") {
        let cause = "the guest is nested too deeply: the compiler ran out of stack";
        Err(failed(io::Error::other(cause)))
    } else {
        Err(failed(io::Error::other(format!("the compiler process failed: {status}"))))
    }
}

/// The output of the compiler process.
enum Received {
    Complete(Vec<u8>),
    TooLarge(LimitError),
}

/// Reads the output of the compiler process. Stops as soon as it exceeds a limit.
async fn receive(mut stdout: ChildStdout, limits: &Limits) -> io::Result<Received> {
    let mut compiled = Vec::new();
    for length in [Footprint::LEN, HEADER_LEN] {
        let missing = length - compiled.len();
        (&mut stdout).take(missing as u64).read_to_end(&mut compiled).await?;
        if let Err(limit) = check(&compiled, limits) {
            return Ok(Received::TooLarge(limit));
        }
    }
    let most = limits.compiled.as_u64();
    let code = (&mut stdout).take(most.saturating_add(1)).read_to_end(&mut compiled).await?;
    Ok(if code as u64 > most {
        Received::TooLarge(LimitError::new(Limit::Compiled, limits))
    } else {
        Received::Complete(compiled)
    })
}

/// Returns whether the compiler process ran out of memory, by its standard error.
///
/// The first message is Rust's for a failed allocation. The others are the operating system's for a failed mapping or
/// a thread that could not start.
fn is_out_of_memory(stderr: &[u8]) -> bool {
    let stderr = String::from_utf8_lossy(stderr);
    ["memory allocation of ", "Cannot allocate memory", "Resource temporarily unavailable"]
        .iter()
        .any(|message| stderr.contains(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_process_gets_at_most_four_threads_and_an_otherwise_empty_environment() {
        let command = command(Path::new("host"), &Guest::default(), &Terms::default());
        let given: Vec<_> = command.as_std().get_envs().collect();
        let [(name, Some(threads))] = given[..] else { panic!("{given:?}") };
        assert_eq!(name, THREADS_VARIABLE);
        let threads: usize = threads.to_str().unwrap().parse().unwrap();
        assert!((1..=4).contains(&threads), "{threads}");
    }
}
