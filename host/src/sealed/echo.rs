//! Finds parts of the secrets of a request in the answer to it.

use std::collections::{BTreeSet, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode;

use super::body::form_encoded;
use crate::session::Secret;

/// The length in bytes from which a common part of a secret and a text counts.
const SHORTEST: usize = 4;

/// Whether one of `texts` contains a part of one of `secrets`, or a whole secret that is shorter than such a part.
///
/// It is found plain, reversed, percent-encoded, in hexadecimal digits and in Base64, also in upper or lower case, and
/// also with separators between the characters.
pub(super) fn repeats(texts: &[String], secrets: &[Secret]) -> bool {
    let mut written = BTreeSet::new();
    for text in texts {
        let decoded: Vec<u8> = percent_decode(text.as_bytes()).collect();
        written.extend([text.as_bytes(), &decoded].into_iter().flat_map(spellings));
    }
    let parts: HashSet<_> = written.iter().flat_map(|text| windows(text)).collect();
    secrets.iter().any(|secret| {
        let plain = secret.expose().to_ascii_lowercase().into_bytes();
        let is_short = (1..SHORTEST).contains(&plain.len());
        let is_in = |text: &Vec<u8>| text.windows(plain.len()).any(|part| part == plain);
        (is_short && written.iter().any(is_in))
            || forms(secret.expose())
                .iter()
                .any(|form| windows(form).any(|part| parts.contains(&part)))
    })
}

/// The forms in which an answer may repeat `secret`.
fn forms(secret: &str) -> BTreeSet<Vec<u8>> {
    // A form or Basic credentials contain the secret percent-encoded, and a secret may itself be percent-encoded.
    let encoded = form_encoded(secret).into_bytes();
    let decoded = percent_decode(secret.as_bytes()).collect();
    let texts = BTreeSet::from([secret.as_bytes().to_vec(), encoded, decoded]);
    let mut forms = BTreeSet::new();
    for text in texts.iter().flat_map(|text| [text.clone(), reversed(text)]) {
        for form in encodings(&text) {
            forms.extend(spellings(&reversed(&form)));
            forms.extend(spellings(&form));
        }
    }
    forms
}

fn reversed(text: &[u8]) -> Vec<u8> {
    text.iter().rev().copied().collect()
}

/// A text as it is, in hexadecimal digits, and in Base64.
fn encodings(text: &[u8]) -> Vec<Vec<u8>> {
    let hex = text.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let mut all = vec![text.to_vec(), hex];
    // The Base64 of a secret depends on its offset modulo 3. Digits that also encode preceding bytes are skipped.
    for (before, mixed) in [("", 0), ("-", 2), ("--", 3)] {
        let text = [before.as_bytes(), text].concat();
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            all.push(encoded.into_bytes().split_off(mixed));
        }
    }
    all
}

/// A text in lower case, with and without its separators.
fn spellings(text: &[u8]) -> [Vec<u8>; 2] {
    let lower = text.to_ascii_lowercase();
    let joined = lower.iter().filter(|byte| byte.is_ascii_alphanumeric()).copied().collect();
    [lower, joined]
}

fn windows(text: &[u8]) -> impl Iterator<Item = [u8; SHORTEST]> {
    text.windows(SHORTEST).filter_map(|part| part.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(text: &str, secret: &str) -> bool {
        repeats(&["other".to_owned(), text.to_owned()], &[secret.to_owned().into()])
    }

    #[test]
    fn a_part_of_a_secret_is_found_in_every_form() {
        let secret = "Kq7/wZ3+pL9 xT5%";
        for text in [
            secret,
            "kq7/WZ3+",
            "q7/w",
            "the secret begins with Kq7/w.",
            "%5Tx",
            "K.q.7.w.Z",
            "K q7w",
            "%4bq7%2f",
            "Kq7%2FwZ3",
            "%4Bq%37/w",
            "f2731",
            "f27317b4",
            &reversed_text(&STANDARD_NO_PAD.encode("wZ3+p")),
            "4b71372f",
            "4B71372F",
            "37:2f:77:5a",
            &STANDARD_NO_PAD.encode("id:Kq7/wZ3+pL9 xT5%"),
            &STANDARD_NO_PAD.encode("client:Kq7/wZ3+pL9 xT5%"),
            &STANDARD_NO_PAD.encode("id:Kq7%2FwZ3%2BpL9+xT5%25"),
            &URL_SAFE_NO_PAD.encode("wZ3+pL9 xT"),
            &STANDARD_NO_PAD.encode("wZ3+p")[..4],
        ] {
            assert!(is_in(text, secret), "{text}");
        }
        for text in ["", "Kq7", "7/w", "Kq7-pL9", "4b7", "expired", "123456789", "https://h/a?b=c"]
        {
            assert!(!is_in(text, secret), "{text}");
        }
    }

    fn reversed_text(text: &str) -> String {
        text.chars().rev().collect()
    }

    #[test]
    fn a_percent_encoded_secret_is_found_in_base64() {
        assert!(is_in(&STANDARD_NO_PAD.encode("id:%26%3D%26%3D"), "&=&=&="));
        assert!(is_in(&STANDARD_NO_PAD.encode("id:&=&="), "%26%3D%26%3D"));
        assert!(!is_in(&STANDARD_NO_PAD.encode("id:%26%3D%26%3D"), "*-._*-._"));
    }

    #[test]
    fn a_secret_that_is_shorter_than_a_part_is_found_as_a_whole() {
        assert!(is_in("a7b", "7") && is_in("xABCx", "abc") && is_in("17", "17"));
        assert!(!is_in("a8b", "7") && !is_in("ab", "abc") && !is_in("anything", ""));
        // The joined form of this secret is one letter, which is not the secret.
        assert!(!is_in("banana", "a-----"));
    }
}
