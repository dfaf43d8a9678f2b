//! `--events`: what happens, as JSON lines for programs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use curtaincall::Event;
use curtaincall::internals::outcome;
use serde_json::Value;

use crate::repeats::{self, Kind, Repeats, Tell};
use crate::sink::Sink;

/// How many events of a kind have a line of their own. Those that come quickly after that share one, which says
/// how many they are: nobody can fill a disk with requests.
pub(crate) const LINES: u64 = 1000;

/// Where the JSON lines go.
pub(crate) struct Journal {
    sink: Arc<Sink>,
    repeats: Mutex<(Repeats, BTreeMap<Kind, Value>)>,
}

impl Journal {
    /// Append to the file at `path`, or write to `stderr` for `-`.
    pub(crate) fn open(path: &Path, stderr: &Arc<Sink>) -> io::Result<Self> {
        let sink =
            if path == Path::new("-") { Arc::clone(stderr) } else { Arc::new(Sink::append(path)?) };
        Ok(Self { sink, repeats: Mutex::new((Repeats::after(LINES), BTreeMap::new())) })
    }

    /// Write one event as one line, at once: who follows the file sees it when it happens.
    pub(crate) fn event(&self, event: &Event) {
        let Some(json) = event.to_json(SystemTime::now()) else { return };
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let (repeats, last) = &mut *repeats;
        let count =
            match repeats::kind(event).map(|kind| (kind, repeats.count(kind, Instant::now()))) {
                None => 1,
                Some((_, Tell::Whole { missed })) => missed + 1,
                Some((_, Tell::Sum(count))) => count,
                Some((kind, Tell::Nothing)) => {
                    last.insert(kind, json);
                    return;
                }
            };
        if matches!(event, Event::Closed { .. }) {
            for (kind, count) in repeats.rest() {
                self.line(last.remove(&kind).unwrap_or_default(), count);
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
