//! `--events`: what happens, as JSON lines for programs.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use curtaincall::Event;

use crate::sink::Sink;

/// Where the JSON lines go.
pub(crate) struct Journal(Arc<Sink>);

impl Journal {
    /// Append to the file at `path`, or write to `stderr` for `-`.
    pub(crate) fn open(path: &Path, stderr: &Arc<Sink>) -> io::Result<Self> {
        match path == Path::new("-") {
            true => Ok(Self(Arc::clone(stderr))),
            false => Sink::append(path).map(|sink| Self(Arc::new(sink))),
        }
    }

    /// Write one event as one line, at once: who follows the file sees it when it happens.
    pub(crate) fn event(&self, event: &Event) {
        if let Some(json) = event.to_json(SystemTime::now()) {
            self.0.line(&json.to_string());
        }
    }
}
