//! Runs the cases again when a file changes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use curtaincall::internals::case::Case;
use curtaincall::internals::files::{self, Folder};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::cli::TestArgs;
use crate::console::Console;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::hint;

/// How long the files must stay unchanged before the cases run again. Editors and compilers write a file in several
/// steps.
const QUIET: Duration = Duration::from_millis(50);

/// Calls `run` now and after every change. Prints the error of a call, and waits for the next change.
///
/// # Errors
/// Fails if the files cannot be watched, or the results cannot be written.
pub(super) fn every_change(
    args: &TestArgs,
    console: &Console,
    run: impl Fn() -> Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    let (sender, changes) = mpsc::channel();
    let inputs = Inputs::of(args);
    let on_event = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        let is_change = !matches!(event.kind, EventKind::Access(_));
        if is_change && event.paths.iter().any(|path| inputs.contain(path)) {
            // The receiver is gone if the loop below has ended.
            let _ = sender.send(());
        }
    };
    // A link may lead anywhere, and cases are never read through links.
    let config = Config::default().with_follow_symlinks(false);
    let watched = RecommendedWatcher::new(on_event, config).and_then(|mut watcher| {
        for (folder, mode) in folders(args) {
            watcher.watch(&folder, mode)?;
        }
        Ok(watcher)
    });
    let _watcher = watched.map_err(|error| {
        CommandError::new(Exit::Usage, format!("cannot watch for changes: {error}"))
    })?;
    loop {
        match run() {
            Err(error) if error.exit == Exit::Output => return Err(error),
            Err(error) => console.error(&error),
            Ok(_) => {}
        }
        console.note(&format!("waiting for changes; {}", hint::STOP_WATCHING));
        if changes.recv().is_err() {
            return Ok(Exit::Success);
        }
        while changes.recv_timeout(QUIET).is_ok() {}
    }
}

/// Returns the folders to watch. Watching a file itself would miss its replacement.
fn folders(args: &TestArgs) -> Vec<(PathBuf, RecursiveMode)> {
    let around = |file: &Path| match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let guest = args.guest.path().map(|file| (around(file), RecursiveMode::NonRecursive));
    let cases = args.cases.iter().map(|path| {
        if path.is_dir() {
            (path.clone(), RecursiveMode::Recursive)
        } else {
            (around(path), RecursiveMode::NonRecursive)
        }
    });
    guest.into_iter().chain(cases).collect()
}

/// The files that the cases depend on. A change to any other file, such as a report or the program's own output, is
/// ignored.
struct Inputs {
    guest: Option<OsString>,
}

impl Inputs {
    fn of(args: &TestArgs) -> Self {
        let guest = args.guest.path().and_then(Path::file_name);
        Self { guest: guest.map(OsString::from) }
    }

    /// Returns whether `path` is a case, a snapshot, a file that a case names, or the guest.
    fn contain(&self, path: &Path) -> bool {
        let is_case = path.extension().is_some_and(|e| e == "case" || e == "snap");
        is_case || path.file_name() == self.guest.as_deref() || is_named(path)
    }
}

/// Returns whether a case in the same folder reads this file as a body.
fn is_named(path: &Path) -> bool {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let name = format!("file,{};", name.to_string_lossy());
    let Ok(folder) = Folder::open(folder) else { return false };
    let names = folder.names().unwrap_or_default().into_iter().map(PathBuf::from);
    let mut cases = names.filter(|name| name.extension().is_some_and(|e| e == "case"));
    cases.any(|case| {
        let text = folder.file(&case).and_then(|file| files::content(file, Case::SIZE_LIMIT));
        text.is_ok_and(|text| String::from_utf8_lossy(&text).contains(&name))
    })
}
