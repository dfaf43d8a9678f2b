//! A child process, the processes that it starts, and their end.

use std::io;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A running command and, on Unix, its process group: the processes that it started, unless they left the group.
#[derive(Debug, Clone)]
pub struct Group(Arc<Mutex<Option<Child>>>);

impl Group {
    /// Start a command in a group of its own.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<(Self, Pipes)> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.spawn()?;
        let pipes = Pipes { stdout: child.stdout.take(), stderr: child.stderr.take() };
        Ok((Self(Arc::new(Mutex::new(Some(child)))), pipes))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kill every process of the group. Does nothing once the command is reaped.
    pub fn kill(&self) {
        if let Some(child) = &mut *self.child() {
            kill(child);
        }
    }

    /// Kill every process of the group, and collect the exit status of the command.
    pub(crate) fn reap(&self) -> Option<std::process::ExitStatus> {
        let mut child = self.child();
        // The process identifier stays reserved until `wait`, so this cannot kill another process.
        kill(child.as_mut()?);
        child.take()?.wait().ok()
    }

    /// Wait until the command has exited. It stays to be reaped.
    #[cfg(unix)]
    pub(crate) fn exited(&self) {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let Some(pid) = self.child().as_ref().map(Pid::from_child) else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
    }

    /// Wait until the command has exited. It stays to be reaped.
    #[cfg(not(unix))]
    pub(crate) fn exited(&self) {
        // The standard library can only wait while it holds the child, which `kill` needs too.
        let is_running = || matches!(self.child().as_mut().map(Child::try_wait), Some(Ok(None)));
        while is_running() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

#[cfg(unix)]
fn kill(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // The group may be gone already.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

#[cfg(not(unix))]
fn kill(child: &mut Child) {
    // It may have exited already.
    let _ = child.kill();
}

/// The outputs of a command.
pub(crate) struct Pipes {
    pub(crate) stdout: Option<std::process::ChildStdout>,
    pub(crate) stderr: Option<std::process::ChildStderr>,
}
