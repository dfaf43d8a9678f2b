//! Compiling a guest: a stranger's input to a large compiler, so where it can be in a process of its
//! own, which the operating system locks in and holds to its memory, and which can be ended in the middle.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use bytesize::ByteSize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdout, Command};
use tokio::task;
use tokio::time::timeout;

use super::compiled::{HEAD, Problem, check, compile, read};
use super::guest::Guest;
use super::weight::Weight;
use super::{LoadError, Terms, lockdown};
use crate::limits::{Limit, LimitError, Limits, bytes};

/// The subcommand of `host` that is the other end of [`Compiler::Program`].
pub const SUBCOMMAND: &str = "compile";

/// Its flag for a guest whose fuel is counted.
const METERED: &str = "--metered";

/// The most threads of the process that compiles. Each needs memory of its own: with a thread for each core, a guest
/// would fit into the limit on a laptop and not on a server.
const THREADS: usize = 4;

/// What sets the number of threads of Rayon, which wasmtime compiles with.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// How much the process that compiles may say on standard error, in bytes.
const SAID_LIMIT: u64 = 1 << 20;

/// Who compiles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compiler {
    /// A thread of this process. At its limit on time the load fails, and the thread ends when it is
    /// ready; there is no limit on memory.
    #[default]
    InProcess,
    /// A process of its own, of this `host` program, with limits on time and memory. On Linux its memory is
    /// limited, and it can open no file, reach no network and start no program, as far as the kernel has
    /// Landlock and seccomp.
    Program(PathBuf),
}

impl Compiler {
    /// A process of this program, which has to be `host`.
    ///
    /// # Errors
    /// When the program does not know its own path.
    pub fn this_program() -> io::Result<Self> {
        // The link leads to this very program even after an update has put another in its place.
        if cfg!(target_os = "linux") {
            Ok(Self::Program("/proc/self/exe".into()))
        } else {
            std::env::current_exe().map(Self::Program)
        }
    }
}

impl Terms {
    /// Compile `guest`, which is stored as `source`.
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
        let problem = |problem: Problem| problem.with(&named, &limits);
        let reached = |limit| LoadError::Limit { guest: named.clone(), limit };
        let text = text_name(&named);
        let (wasm, weight) = read(&source, text.as_deref()).map_err(problem)?;
        let mut compiled = weight.to_bytes();
        check(&compiled, &limits).map_err(reached)?;
        let (loaded, code) = compile(&wasm, metered).map_err(problem)?;
        compiled.extend(loaded.to_le_bytes());
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

/// What a text is called in what is said of it; nothing for a binary.
fn text_name(guest: &Guest) -> Option<String> {
    guest.is_text().then(|| guest.to_string())
}

/// The process that compiles `guest`. It inherits nothing of the environment.
fn command(program: &Path, guest: &Guest, Terms { limits, metered, .. }: &Terms) -> Command {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new(program);
    command
        .args([SUBCOMMAND, &limits.get(Limit::CompileMemory)])
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
    let feed = async {
        // If the compiler stops reading, it says why on standard error.
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(source).await;
        }
        Ok::<(), LoadError>(())
    };
    let take = async {
        match stdout {
            Some(stdout) => match receive(stdout, limits).await.map_err(failed)? {
                Received::Whole(compiled) => Ok(compiled),
                Received::TooLarge(limit) => Err(reached(limit)),
            },
            None => Ok(Vec::new()),
        }
    };
    let hear = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            stderr.take(SAID_LIMIT).read_to_end(&mut said).await.map_err(failed)?;
        }
        Ok::<Vec<u8>, LoadError>(said)
    };
    let end = async { child.wait().await.map_err(failed) };
    // The first error drops the child, which ends it.
    let ((), compiled, said, status) = tokio::try_join!(feed, take, hear, end)?;
    if status.success() && compiled.len() > HEAD {
        Ok(compiled)
    } else if let Ok(problem) = serde_json::from_slice::<Problem>(&said) {
        Err(problem.with(guest, limits))
    } else if is_out_of_memory(&said) {
        Err(reached(LimitError::new(Limit::CompileMemory, limits)))
    } else if String::from_utf8_lossy(&said).contains("has overflowed its stack") {
        Err(failed(io::Error::other("it is nested too deeply: the compiler ran out of stack")))
    } else {
        Err(failed(io::Error::other(format!("the compiler ended with {status}"))))
    }
}

/// What came from the compiler.
enum Received {
    Whole(Vec<u8>),
    TooLarge(LimitError),
}

/// Read the compiler's output, up to the limits on it.
async fn receive(mut stdout: ChildStdout, limits: &Limits) -> io::Result<Received> {
    let mut compiled = Vec::new();
    for length in [Weight::LEN, HEAD] {
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
        Received::Whole(compiled)
    })
}

/// Rust's words for an allocation that failed, and the operating system's for a mapping or a thread.
fn is_out_of_memory(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    ["memory allocation of ", "Cannot allocate memory", "Resource temporarily unavailable"]
        .iter()
        .any(|words| said.contains(words))
}

/// The other end: compile what comes on standard input, which is text where it has a name, and write it to
/// standard output, within `memory`. False where it does not compile; standard error says why.
///
/// The process locks itself in before it reads: it can open no file, reach no network and start no program
/// from then on, as far as the kernel has Landlock and seccomp.
///
/// # Errors
/// When standard input or output fail, or the limit on memory cannot be set.
pub fn compile_standard_input(
    memory: ByteSize,
    text: Option<&str>,
    metered: bool,
) -> io::Result<bool> {
    limit_memory(memory)?;
    lockdown::close_inherited();
    lockdown::lock_in();
    let mut source = Vec::new();
    io::stdin().lock().read_to_end(&mut source)?;
    let mut stdout = io::stdout().lock();
    let compiled = match read(&source, text) {
        Ok((wasm, weight)) => {
            stdout.write_all(&weight.to_bytes())?;
            stdout.flush()?;
            compile(&wasm, metered)
        }
        Err(problem) => Err(problem),
    };
    match compiled {
        Ok((loaded, code)) => {
            stdout.write_all(&loaded.to_le_bytes())?;
            stdout.write_all(&code)?;
            stdout.flush().map(|()| true)
        }
        Err(problem) => {
            serde_json::to_writer(io::stderr().lock(), &problem)?;
            Ok(false)
        }
    }
}

/// Writable private memory (getrlimit(2), `RLIMIT_DATA`): address space that is only reserved, as
/// allocators do for each thread, does not count. The parent's end ends this process too.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_gets_at_most_four_threads_and_nothing_else_of_the_environment() {
        let command = command(Path::new("host"), &Guest::default(), &Terms::default());
        let given: Vec<_> = command.as_std().get_envs().collect();
        let [(name, Some(threads))] = given[..] else { panic!("{given:?}") };
        assert_eq!(name, THREADS_VARIABLE);
        let threads: usize = threads.to_str().unwrap().parse().unwrap();
        assert!((1..=4).contains(&threads), "{threads}");
    }
}
