//! Compares an exchange with what the case expects.

use similar::TextDiff;

use super::reaction::Reaction;
use super::report::CaseFailure;
use super::{Exchange, Expected};

/// Receives the line, the message and the detail of each difference.
type Fail<'a> = &'a mut dyn FnMut(usize, String, Option<String>);

/// Adds the differences of `reaction` from `expected` to `failures`.
pub(super) fn check(
    expected: &Expected,
    reaction: &Reaction,
    log: &[String],
    failures: &mut Vec<CaseFailure>,
) {
    let mut fail = |line, message, detail: Option<String>| {
        // Show the same page only once, even if several expectations of it fail.
        let is_shown = failures.iter().any(|failure| failure.shows_only(detail.as_ref()));
        let detail = detail.filter(|_| !is_shown);
        failures.push(CaseFailure::new(line, message, detail));
    };
    if let Reaction::Reply(exchange) = reaction {
        check_head(expected, exchange, &mut fail);
    }
    for (line, assert) in &expected.asserts {
        if let Some((message, detail)) = assert.check(reaction, log) {
            fail(*line, message, detail);
        }
    }
    check_end(expected, reaction, &mut fail);
    if let (Some((line, wanted)), Reaction::Reply(exchange)) = (&expected.body, reaction)
        && exchange.response.body() != wanted
    {
        let wanted = String::from_utf8_lossy(wanted);
        let detail = Some(diff(&wanted, &exchange.text()));
        fail(*line, "the body differs".to_owned(), detail);
    }
}

fn check_head(expected: &Expected, exchange: &Exchange, fail: Fail<'_>) {
    let status = exchange.response.status();
    if let Some(wanted) = expected.status.filter(|wanted| *wanted != status) {
        let message = format!("expected status {}, got {}", wanted.as_u16(), status.as_u16());
        fail(expected.line, message, None);
    }
    for (line, name, wanted) in &expected.fields {
        let values: Vec<_> = exchange.response.headers().get_all(name.as_str()).iter().collect();
        if values.iter().any(|value| value.as_bytes() == wanted.as_bytes()) {
            continue;
        }
        let message = match values.first() {
            None => format!("missing header field `{name}`"),
            Some(_) => format!("the header field `{name}` differs"),
        };
        let field = |value: &[u8]| format!("{name}: {}", String::from_utf8_lossy(value));
        let given: Vec<_> = values.iter().map(|value| field(value.as_bytes())).collect();
        fail(*line, message, Some(diff(&field(wanted.as_bytes()), &given.join("\n"))));
    }
}

fn check_end(expected: &Expected, reaction: &Reaction, fail: Fail<'_>) {
    let end = reaction.section();
    match (&expected.end, end) {
        (Some((_, wanted)), Some(end)) if end == *wanted => {}
        (Some((line, wanted)), Some(end)) => {
            let detail = Some(diff(&wanted.to_string(), &end.to_string()));
            fail(*line, "the exchange ended differently".to_owned(), detail);
        }
        (Some((line, wanted)), None) => {
            let detail = Some(diff(&wanted.to_string(), &reaction.to_string()));
            fail(*line, "the guest returned an authorization URL".to_owned(), detail);
        }
        // Without an end section, `AUTHORIZE` expects a URL. Otherwise `not exists` would hold without one.
        (None, Some(end)) if matches!(reaction, Reaction::Start(_)) => {
            let message = "the guest returned no authorization URL".to_owned();
            fail(expected.line, message, Some(end.to_string()));
        }
        (None, _) => {}
    }
}

/// Returns the difference line by line, with the common lines: `-` was expected, `+` was received.
pub(super) fn diff(wanted: &str, given: &str) -> String {
    let ended = |text: &str| {
        if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
    };
    let (old, new) = (ended(wanted), ended(given));
    if old == new {
        return "only the final line feed differs".to_owned();
    }
    let diff = TextDiff::from_lines(&old, &new);
    let lines: String = diff
        .iter_all_changes()
        .map(|change| format!("{}{}", change.tag(), change.value()))
        .collect();
    lines.trim_end_matches('\n').to_owned()
}
