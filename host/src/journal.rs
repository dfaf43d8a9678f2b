//! `--events`: what happens, as JSON lines for programs.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

use curtaincall::Event;

/// Where the JSON lines go.
pub(crate) struct Journal(Mutex<Box<dyn Write + Send>>);

impl Journal {
    /// Append to the file at `path`, or write to standard error for `-`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> = match path == Path::new("-") {
            true => Box::new(io::stderr()),
            false => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        Ok(Self(Mutex::new(writer)))
    }

    /// Write one event as one line, at once: who follows the file sees it when it happens.
    pub(crate) fn event(&self, event: &Event) {
        if let Some(json) = event.to_json(SystemTime::now()) {
            let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // The flow matters more than its record.
            let _ = writer.write_all(format!("{json}\n").as_bytes()).and_then(|()| writer.flush());
        }
    }
}
