//! Compiling a guest: a stranger's input to a large compiler, so where it can be in a process of its
//! own, which the operating system holds to its memory and which can be ended in the middle.

use std::borrow::Cow;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::task;
use tokio::time::timeout;
use wasmtime::component::Component;
use wasmtime::{Engine, Error};

use super::LoadError;
use super::Terms;
use super::engine;
use super::guest::{Guest, Kind};
use crate::limits::{Limit, LimitError};
use crate::visible::beginning;

/// The subcommand of `host` that is the other end of [`Compiler::Program`].
pub const SUBCOMMAND: &str = "compile";

/// Its flag for a guest whose fuel is counted.
const METERED: &str = "--metered";

/// The longest cause that is told, in bytes: some quote a line of the guest, which may be all of it.
const CAUSE_LIMIT: usize = 4 << 10;

/// Who compiles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Compiler {
    /// A thread of this process. At its limit on time the load fails, and the thread ends when it is
    /// ready; there is no limit on memory.
    #[default]
    InProcess,
    /// A process of its own, of this `host` program, with limits on time and memory. Memory is
    /// limited on Linux.
    Program(PathBuf),
}

impl Compiler {
    /// A process of this program, which has to be `host`.
    ///
    /// # Errors
    /// When the program does not know its own path.
    pub fn this_program() -> io::Result<Self> {
        // The link leads to this very program even after an update has put another in its place.
        match cfg!(target_os = "linux") {
            true => Ok(Self::Program("/proc/self/exe".into())),
            false => std::env::current_exe().map(Self::Program),
        }
    }
}

impl Terms {
    /// Compile `guest`, which is stored as `source`, for [`load`].
    pub(super) async fn compile(
        &self,
        guest: &Guest,
        source: Vec<u8>,
    ) -> Result<Vec<u8>, LoadError> {
        let limits = &self.limits;
        let compiled = async {
            match &self.compiler {
                Compiler::InProcess => in_process(guest, source, self.metered).await,
                Compiler::Program(program) => in_program(program, guest, &source, self).await,
            }
        };
        timeout(limits.compile_time, compiled).await.unwrap_or_else(|_| {
            let limit = LimitError::new(Limit::CompileTime, limits);
            Err(LoadError::Limit { guest: guest.clone(), limit })
        })
    }
}

/// Why a guest does not compile: what one end tells the other.
#[derive(Debug, Serialize, Deserialize)]
enum Problem {
    /// The text does not parse: where and why.
    Text(String),
    /// The text is of something else.
    NotAComponent(Kind),
    /// The component is not valid: where and why, the outermost first.
    Invalid(Vec<String>),
}

impl Problem {
    fn with(self, guest: &Guest) -> LoadError {
        let guest = guest.clone();
        match self {
            Self::Text(why) => LoadError::Text { guest, source: Error::msg(why) },
            Self::NotAComponent(kind) => LoadError::NotAComponent { guest, kind },
            Self::Invalid(causes) => {
                let mut causes = causes.into_iter().rev();
                let root = Error::msg(causes.next().unwrap_or_default());
                LoadError::Invalid { guest, source: causes.fold(root, Error::context) }
            }
        }
    }
}

async fn in_process(guest: &Guest, source: Vec<u8>, metered: bool) -> Result<Vec<u8>, LoadError> {
    let text = text_name(guest);
    match task::spawn_blocking(move || compile(&source, text.as_deref(), metered)).await {
        Ok(compiled) => compiled.map_err(|problem| problem.with(guest)),
        Err(error) => Err(LoadError::Compiler { guest: guest.clone(), source: error.into() }),
    }
}

/// What a text is called in what is said of it; nothing for a binary.
fn text_name(guest: &Guest) -> Option<String> {
    guest.is_text().then(|| guest.to_string())
}

async fn in_program(
    program: &Path,
    guest: &Guest,
    source: &[u8],
    Terms { limits, metered, .. }: &Terms,
) -> Result<Vec<u8>, LoadError> {
    let run = async {
        let mut child = Command::new(program)
            .args([SUBCOMMAND, &limits.get(Limit::CompileMemory)])
            .args(metered.then_some(METERED))
            .arg("--")
            .args(text_name(guest))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take();
        let feed = async move {
            // Who does not read to the end says why on standard error.
            if let Some(stdin) = stdin.as_mut() {
                let _ = stdin.write_all(source).await;
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feed);
        output
    };
    let failed = |source| LoadError::Compiler { guest: guest.clone(), source };
    let output = run.await.map_err(failed)?;
    if output.status.success() {
        Ok(output.stdout)
    } else if let Ok(problem) = serde_json::from_slice::<Problem>(&output.stderr) {
        Err(problem.with(guest))
    } else if is_out_of_memory(&output) {
        let limit = LimitError::new(Limit::CompileMemory, limits);
        Err(LoadError::Limit { guest: guest.clone(), limit })
    } else {
        Err(failed(io::Error::other(format!("the compiler ended with {}", output.status))))
    }
}

/// Rust's words for an allocation that failed, and the operating system's for a mapping or a thread.
fn is_out_of_memory(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    ["memory allocation of ", "Cannot allocate memory", "Resource temporarily unavailable"]
        .iter()
        .any(|words| said.contains(words))
}

/// The other end: compile what comes on standard input, which is text where it has a name, and write it to
/// standard output, within `memory`. False where it does not compile; standard error says why.
///
/// # Errors
/// When standard input or output fail, or the limit on memory cannot be set.
pub fn compile_standard_input(
    memory: ByteSize,
    text: Option<&str>,
    metered: bool,
) -> io::Result<bool> {
    limit_memory(memory)?;
    let mut source = Vec::new();
    io::stdin().lock().read_to_end(&mut source)?;
    match compile(&source, text, metered) {
        Ok(compiled) => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&compiled)?;
            stdout.flush().map(|()| true)
        }
        Err(problem) => {
            serde_json::to_writer(io::stderr().lock(), &problem)?;
            Ok(false)
        }
    }
}

fn compile(source: &[u8], text: Option<&str>, metered: bool) -> Result<Vec<u8>, Problem> {
    let wasm = match text {
        Some(name) => wat::parse_bytes(source).map_err(|mut error| {
            error.set_path(Path::new(name));
            Problem::Text(beginning(&error, CAUSE_LIMIT))
        })?,
        None => Cow::Borrowed(source),
    };
    match Kind::of(&wasm) {
        Kind::Component => {}
        kind => return Err(Problem::NotAComponent(kind)),
    }
    let compiled = engine::compiling(metered).and_then(|engine| engine.precompile_component(&wasm));
    let causes = |error: Error| error.chain().map(|cause| beginning(&cause, CAUSE_LIMIT)).collect();
    compiled.map_err(|error| Problem::Invalid(causes(error)))
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

/// The component that was compiled to `compiled`, by this version of wasmtime for this machine.
#[expect(unsafe_code, reason = "compiled code is trusted code: see the safety comment")]
pub(super) fn load(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: this comes from `compile` above: from this process, from the one that it started, or from
    // the cache, whose folder only this user can write to and whose checksum says that it is whole.
    // wasmtime refuses what another version compiled, or the same one with other settings.
    unsafe { Component::deserialize(engine, compiled) }
}
