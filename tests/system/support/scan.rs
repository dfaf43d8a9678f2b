//! Look for confidential values in what a test captured.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The length of a part that does not occur by chance.
const PART: usize = 16;

/// A value that may only be in the outcome.
#[derive(Debug)]
pub struct Confidential {
    pub name: String,
    pub value: String,
}

/// Assert that `text` contains no part of these values, neither plain nor encoded. `what` says what the text is.
#[track_caller]
pub fn assert_absent(what: &str, text: &str, confidential: &[Confidential]) {
    let parts: HashSet<&[u8]> = text.as_bytes().windows(PART).collect();
    for Confidential { name, value } in confidential {
        let is_in = |form: &String| match form.len() {
            0..PART => text.contains(form.as_str()),
            _ => form.as_bytes().windows(PART).any(|part| parts.contains(part)),
        };
        let found = forms(value).into_iter().find(is_in);
        assert_eq!(found, None, "{what} contains a part of `{name}`: {text}");
    }
}

/// The value, plain and in the usual encodings.
fn forms(value: &str) -> Vec<String> {
    let each = |encode: fn(u8) -> String| value.bytes().map(encode).collect::<String>();
    let mut forms = vec![
        value.to_owned(),
        value.chars().rev().collect(),
        form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
    ];
    // Within a longer text, Base64 has one of three alignments.
    for from in 0..value.len().min(3) {
        let rest = &value.as_bytes()[from..];
        forms.extend([STANDARD_NO_PAD.encode(rest), URL_SAFE_NO_PAD.encode(rest)]);
    }
    forms
}
