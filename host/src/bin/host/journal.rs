//! The event log of `--events`: JSON lines for programs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use curtaincall::Event;
use curtaincall::internals::event::to_json;
use curtaincall::internals::outcome;
use serde_json::Value;

use crate::repeats::{Decision, Repeated, Repeats};
use crate::sink::Sink;

/// How many equal events each get their own line. After that, events in quick succession share a line with a
/// count, so that a flood of requests cannot fill the disk.
pub(crate) const LINES: u64 = 1000;

/// Writes events as JSON lines, to a file or to standard error.
pub(crate) struct Journal {
    sink: Arc<Sink>,
    repeats: Mutex<(Repeats, BTreeMap<Repeated, Value>)>,
}

impl Journal {
    /// Opens the file at `path` for appending, or uses `stderr` for `-`.
    pub(crate) fn open(path: &Path, stderr: &Arc<Sink>) -> io::Result<Self> {
        let sink =
            if path == Path::new("-") { Arc::clone(stderr) } else { Arc::new(Sink::append(path)?) };
        Ok(Self { sink, repeats: Mutex::new((Repeats::after(LINES), BTreeMap::new())) })
    }

    /// Writes an event as one line, immediately, so that a program that follows the file sees it in time.
    pub(crate) fn event(&self, event: &Event) {
        let Some(json) = to_json(event, SystemTime::now()) else { return };
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let (repeats, last) = &mut *repeats;
        let count =
            match Repeated::of(event).map(|event| (event, repeats.count(event, Instant::now()))) {
                None => 1,
                Some((_, Decision::Print { skipped })) => skipped + 1,
                Some((_, Decision::PrintCount(count))) => count,
                Some((event, Decision::Skip)) => {
                    last.insert(event, json);
                    return;
                }
            };
        if matches!(event, Event::Closed { .. }) {
            for (event, count) in repeats.rest() {
                self.line(last.remove(&event).unwrap_or_default(), count);
            }
        }
        self.line(json, count);
    }

    fn line(&self, mut json: Value, count: u64) {
        if count > 1 {
            json["count"] = count.into();
        }
        self.sink.line(&outcome::json(&json));
    }
}
