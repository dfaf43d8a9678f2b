//! What a program under test does, in the order of observation.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Instant;

/// How much of each output is read, in bytes.
const LIMIT: u64 = 16 << 20;

/// What a program does.
#[derive(Debug)]
pub(crate) enum Event {
    /// Writes this line to its standard output.
    Output(String),
    /// Writes this line to its standard error.
    Error(String),
    /// Closes one of these outputs.
    Closed,
    /// Opens a browser at this URL.
    Opened(String),
    /// Exits.
    Exited(Instant),
}

/// Send every line of an output, and then its end. Returns whether the output exists.
pub(crate) fn read<R: Read + Send + 'static>(
    output: Option<R>,
    sender: &Sender<Event>,
    event: fn(String) -> Event,
) -> bool {
    let Some(output) = output else { return false };
    let sender = sender.clone();
    thread::spawn(move || {
        let mut output = BufReader::new(output.take(LIMIT));
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            line.clear();
            if sender.send(event(text)).is_err() {
                return;
            }
        }
        drop(sender.send(Event::Closed));
    });
    true
}
