//! Running again when something changes.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use curtaincall::{Exit, Guest};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use crate::cli::TestArgs;
use crate::console::Console;

/// Editors and compilers write a file in several steps: so long without another one, and it is whole.
const QUIET: Duration = Duration::from_millis(50);

/// Call `run` now and after every change, for ever; returns where nothing can be watched.
pub(super) fn every_change(args: &TestArgs, console: &Console, run: impl Fn() -> Exit) -> Exit {
    let (sender, changes) = mpsc::channel();
    let reports = args.junit.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        let is_change = !matches!(event.kind, EventKind::Access(_));
        if is_change && event.paths.iter().any(|path| !is_same(path, reports.as_deref())) {
            // Who does not listen any more has gone.
            let _ = sender.send(());
        }
    });
    let watched = watcher.and_then(|mut watcher| {
        for (folder, mode) in folders(args) {
            watcher.watch(&folder, mode)?;
        }
        Ok(watcher)
    });
    let _watcher = match watched {
        Ok(watcher) => watcher,
        Err(error) => {
            console.fatal(&format!("cannot watch for changes: {error}"));
            return Exit::Usage;
        }
    };
    loop {
        run();
        console.note("waiting for changes; end with Ctrl-C");
        if changes.recv().is_err() {
            return Exit::Success;
        }
        while changes.recv_timeout(QUIET).is_ok() {}
    }
}

/// Folders, not files: a file that is replaced is another.
fn folders(args: &TestArgs) -> Vec<(PathBuf, RecursiveMode)> {
    let around = |file: &Path| match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let guest = match &args.guest {
        Guest::File(file) => Some((around(file), RecursiveMode::NonRecursive)),
        Guest::Embedded(_) => None,
    };
    let cases = args.cases.iter().map(|path| match path.is_dir() {
        true => (path.clone(), RecursiveMode::Recursive),
        false => (around(path), RecursiveMode::NonRecursive),
    });
    guest.into_iter().chain(cases).collect()
}

fn is_same(path: &Path, other: Option<&Path>) -> bool {
    other.is_some_and(|other| path.file_name() == other.file_name())
}
