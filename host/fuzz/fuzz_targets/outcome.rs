//! Fuzz the formats with arbitrary outcomes. JSON decodes to the same values, text keeps each value on one line, and a
//! shell reads the exact values.

#![no_main]

use std::collections::HashSet;

use curtaincall::internals::outcome::{Format, render};
use curtaincall::{Failure, Outcome};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, Vec<(String, String)>)| {
    let (success, values) = input;
    let outcome = if success {
        Outcome::Success(distinct(values))
    } else {
        let error = values.first().map(|(name, _)| without_nul(name)).unwrap_or_default();
        let mut failure = Failure::new(error);
        failure.description = values.first().map(|(_, value)| without_nul(value));
        Outcome::Failure(failure)
    };
    let fields = outcome.fields();

    let json = render(&outcome, Format::Json);
    assert_eq!(json.matches('\n').count(), 1);
    assert!(!json.trim_end_matches('\n').contains(char::is_control));
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(object.len(), fields.len());
    for ((name, value), (read_name, read_value)) in fields.iter().zip(&object) {
        assert_eq!((*name, Some(*value)), (read_name.as_str(), read_value.as_str()));
        assert_eq!(outcome.get(name), Some(*value));
    }

    let text = render(&outcome, Format::Text);
    assert_eq!(text.matches('\n').count(), fields.len());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");

    let env = render(&outcome, Format::Env);
    let words = shlex::split(&env).expect("unclosed quote");
    let expected = fields.iter().map(|(name, value)| format!("CALLBACK_{}={value}", shell(name)));
    assert_eq!(words, expected.collect::<Vec<_>>());

    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let kind = if success { "Success" } else { "Failure" };
    assert_eq!(format!("{outcome:?}"), format!("{kind}({names:?})"));
});

/// The shell variable for a name.
fn shell(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// Remove what the host refuses: names with the same shell variable, and NUL.
fn distinct(values: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    values
        .into_iter()
        .map(|(name, value)| (without_nul(&name), without_nul(&value)))
        .filter(|(name, _)| seen.insert(shell(name)))
        .collect()
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}
