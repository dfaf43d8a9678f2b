//! The JSON form of events.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Event;

/// Returns `event` as a JSON object with its name and the time, or `None` for events that have no name.
pub fn to_json(event: &Event, time: SystemTime) -> Option<Value> {
    let name = event.name()?;
    let fields = match event {
        Event::Contacts { hosts, .. } => json!({ "hosts": hosts }),
        Event::Listening { redirect_uri, address } => {
            json!({ "redirect_uri": redirect_uri, "address": address })
        }
        Event::Authorize { url, .. } => json!({ "url": url }),
        Event::Refused(refusal) => {
            json!({ "reason": refusal.reason(), "status": refusal.status() })
        }
        Event::GuestFailed(error) => json!({ "reason": error.reason() }),
        Event::Replied { status, bytes } => json!({ "status": status, "bytes": bytes }),
        Event::Done { success } => json!({ "success": success }),
        Event::Closed { delivered } => json!({ "delivered": delivered }),
        // A guest may put the code into the host name of its URL, so URLs and hosts are left out.
        Event::OutgoingRefused { .. }
        | Event::RequestFailed { .. }
        | Event::Unreachable { .. }
        | Event::CacheUnused { .. }
        | Event::PeersUnchecked { .. }
        | Event::Unprotected
        | Event::StateMisplaced
        | Event::PkceOff
        | Event::BrowserFailed { .. }
        | Event::GuestLog { .. }
        | Event::GuestLogTruncated(_) => json!({}),
    };
    let mut line = json!({ "event": name, "time": rfc3339(time) });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    Some(line)
}

/// Formats `time` as in RFC 3339. Clamps the time to the years 1970 to 9999, because a clock may be wrong.
fn rfc3339(time: SystemTime) -> String {
    /// 9999-12-31T23:59:59Z.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since_1970).to_string()
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EVENTS;
    use crate::limits::{Limit, LimitError, Limits};
    use crate::request::Refusal;
    use crate::sandbox::GuestError;

    #[test]
    fn every_event_is_listed_with_its_fields() {
        let (redirect_uri, url) = (String::new(), String::new());
        let all = [
            Event::CacheUnused { reason: String::new() },
            Event::Contacts { name: String::new(), hosts: Vec::new() },
            Event::Listening { redirect_uri, address: String::new() },
            Event::Authorize { url: url.clone(), opening: true },
            Event::PeersUnchecked { reason: String::new() },
            Event::Unprotected,
            Event::StateMisplaced,
            Event::PkceOff,
            Event::BrowserFailed { reason: String::new(), url },
            Event::Refused(Refusal::Path),
            Event::GuestLog { line: String::new() },
            Event::GuestLogTruncated(LimitError::new(Limit::Log, &Limits::default())),
            Event::OutgoingRefused { urls: Vec::new() },
            Event::RequestFailed { url: String::new(), reason: String::new() },
            Event::Unreachable { host: String::new(), reason: String::new(), remedy: None },
            Event::GuestFailed(GuestError::Abandoned),
            Event::Replied { status: 200, bytes: 0 },
            Event::Done { success: true },
            Event::Closed { delivered: None },
        ];
        // This match makes a new event a compile error. Add the event here and to `all`.
        let is_for_people_only = |event: &Event| match event {
            Event::GuestLog { .. } | Event::GuestLogTruncated(_) => true,
            Event::CacheUnused { .. }
            | Event::Contacts { .. }
            | Event::Listening { .. }
            | Event::Authorize { .. }
            | Event::PeersUnchecked { .. }
            | Event::Unprotected
            | Event::StateMisplaced
            | Event::PkceOff
            | Event::BrowserFailed { .. }
            | Event::Refused(_)
            | Event::OutgoingRefused { .. }
            | Event::RequestFailed { .. }
            | Event::Unreachable { .. }
            | Event::GuestFailed(_)
            | Event::Replied { .. }
            | Event::Done { .. }
            | Event::Closed { .. } => false,
        };
        let mut listed = EVENTS.iter();
        for event in all.iter().filter(|event| !is_for_people_only(event)) {
            let line = to_json(event, SystemTime::UNIX_EPOCH).unwrap();
            let fields: Vec<_> = line.as_object().unwrap().keys().skip(2).collect();
            let (name, described, _) = listed.next().unwrap();
            assert_eq!(line["event"], *name);
            assert_eq!(fields, *described);
        }
        assert!(listed.next().is_none());
    }

    #[test]
    fn a_time_out_of_range_is_clamped() {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH - 100 * year), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + 100_000 * year), "9999-12-31T23:59:59.000Z");
    }
}
