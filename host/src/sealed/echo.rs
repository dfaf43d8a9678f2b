//! Finds parts of secrets in the readable values of an answer.
//!
//! A part is found plain, reversed, escaped (see [`super::escapes`]), in hexadecimal digits and in Base64, also in upper
//! or lower case, with separators between the characters, and spread over consecutive values.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode;

use super::body::form_encoded;
use super::escapes::decoded;

/// The length in bytes of the parts by which the texts are indexed.
const INDEXED: usize = 6;

/// How often a text may be escaped.
const ESCAPED: usize = 3;

/// The length in bytes from which the form of a secret without its separators, or its encoding, counts.
const SHORTEST_FORM: usize = 4;

/// The number of bits of [`Texts::filter`], as a power of two.
const FILTER_BITS: u32 = 20;

/// Texts in which secrets are searched.
pub(super) struct Texts {
    /// The texts one after another, in each spelling.
    spellings: BTreeSet<Vec<u8>>,
    /// All parts of [`INDEXED`] bytes of the spellings, sorted.
    parts: Vec<u64>,
    /// One bit for the hash of each part. Most lookups end here, because a secret has far more parts than the texts.
    filter: Vec<u64>,
}

impl Texts {
    /// Prepares the search in `texts`.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut texts: Vec<Vec<u8>> = texts.map(|text| text.as_bytes().to_vec()).collect();
        let mut spellings = BTreeSet::new();
        for _ in 0..=ESCAPED {
            // The texts stand side by side, so that a secret is found in the pieces of it.
            let lower = texts.concat().to_ascii_lowercase();
            spellings.insert(joined(&lower));
            if !spellings.insert(lower) {
                break;
            }
            texts = texts.iter().map(|text| decoded(text)).collect();
        }
        let mut parts: Vec<_> =
            spellings.iter().flat_map(|text| text.windows(INDEXED)).map(number).collect();
        parts.sort_unstable();
        parts.dedup();
        let mut filter = vec![0; 1 << (FILTER_BITS - 6)];
        for part in &parts {
            let bit = hash(*part);
            filter[bit >> 6] |= 1 << (bit & 63);
        }
        Self { spellings, parts, filter }
    }

    /// Returns whether a text contains `part` consecutive characters of `secret`, or all of a secret that is shorter.
    pub(super) fn repeat(&self, secret: &str, part: usize) -> bool {
        // A form or Basic credentials contain the secret percent-encoded, and a secret may itself be percent-encoded.
        let texts = BTreeSet::from([
            secret.as_bytes().to_vec(),
            form_encoded(secret).into_bytes(),
            percent_decode(secret.as_bytes()).collect(),
        ]);
        let length = secret.len().max(1);
        texts.iter().filter(|text| !text.is_empty()).any(|text| {
            // A part is longer where it is encoded.
            self.repeat_text(text, part * text.len().max(length) / length)
        })
    }

    fn repeat_text(&self, text: &[u8], part: usize) -> bool {
        let part = part.min(text.len());
        let lower = text.to_ascii_lowercase();
        let joined = joined(&lower);
        // A part has fewer characters without its separators.
        let joined_part = (part * joined.len()).div_ceil(lower.len()).max(part.min(INDEXED));
        let is_in = |form: &[u8], part: usize| form.len() >= SHORTEST_FORM && self.have(form, part);
        self.have(&lower, part)
            || is_in(&joined, joined_part.min(joined.len()))
            || [text.to_vec(), reversed(text)].iter().any(|text| {
                // A part of n bytes has 8n bits. Where it begins and ends within a Base64 digit, that digit differs.
                is_in(&hex(text), 2 * part)
                    || base64(text).iter().any(|form| is_in(form, (8 * part).saturating_sub(4) / 6))
            })
    }

    /// Returns whether a spelling contains `length` consecutive bytes of `form`, forwards or backwards.
    fn have(&self, form: &[u8], length: usize) -> bool {
        [form.to_vec(), reversed(form)].iter().any(|form| match length.checked_sub(INDEXED) {
            None => form.windows(length.max(1)).any(|part| self.contain(part)),
            // Each part of this length contains a whole indexed part at one of these places.
            Some(more) => (0..form.len().saturating_sub(INDEXED - 1))
                .step_by(more + 1)
                .any(|at| self.have_around(form, at, length)),
        })
    }

    /// Returns whether a spelling contains `length` consecutive bytes of `form`, among them the indexed part at `at`.
    fn have_around(&self, form: &[u8], at: usize, length: usize) -> bool {
        let is_indexed = |at: usize| self.have_indexed(&form[at..at + INDEXED]);
        if !is_indexed(at) {
            return false;
        }
        let (more, last) = (length - INDEXED, form.len() - INDEXED);
        let before = (at.saturating_sub(more)..at).rev().take_while(|at| is_indexed(*at)).count();
        let after = (at + 1..=last.min(at + more)).take_while(|at| is_indexed(*at)).count();
        let common = &form[at - before..at + after + INDEXED];
        common.windows(length).any(|part| self.contain(part))
    }

    fn have_indexed(&self, part: &[u8]) -> bool {
        let part = number(part);
        let bit = hash(part);
        self.filter[bit >> 6] >> (bit & 63) & 1 == 1 && self.parts.binary_search(&part).is_ok()
    }

    fn contain(&self, part: &[u8]) -> bool {
        let mut texts = self.spellings.iter();
        texts.any(|text| text.windows(part.len()).any(|other| other == part))
    }
}

fn number(part: &[u8]) -> u64 {
    part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn hash(part: u64) -> usize {
    (part.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)) as usize
}

fn reversed(text: &[u8]) -> Vec<u8> {
    text.iter().rev().copied().collect()
}

fn hex(text: &[u8]) -> Vec<u8> {
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    text.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A text in Base64, in lower case and without `+`, `/`, `-` and `_`.
fn base64(text: &[u8]) -> [Vec<u8>; 3] {
    // There are three forms, by what comes before the text. The digits that are mixed with it are left out.
    [("", 0), ("-", 2), ("--", 3)].map(|(before, mixed)| {
        let encoded = STANDARD_NO_PAD.encode([before.as_bytes(), text].concat());
        joined(encoded[mixed..].to_ascii_lowercase().as_bytes())
    })
}

/// A text without its separators.
fn joined(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| byte.is_ascii_alphanumeric()).copied().collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// Whether the third of three texts has eight characters of `secret`.
    fn is_in(text: &str, secret: &str) -> bool {
        Texts::of(["other", "", text].into_iter()).repeat(secret, 8)
    }

    #[test]
    fn a_part_of_a_secret_is_found_in_every_form() {
        let secret = "Kq7/wZ3+pL9 xT5%";
        for text in [
            secret,
            "kq7/WZ3+",
            "7/wZ3+pL",
            "the secret begins with Kq7/wZ3+.",
            "%5Tx 9Lp+3",
            "K.q.7.w.Z.3.p.L",
            "K q7w Z3-pL",
            "%4bq7%2fwZ3%2b",
            "Kq7%2FwZ3%2B",
            "Kq7%252FwZ3%252BpL",
            "%4Bq%37/wZ3+",
            "Kq7&#x2f;wZ3&#43;",
            "Kq7&sol;wZ3&amp;plus;",
            r"\u004bq7\/wZ3\x2b",
            r"\\u004bq7\\\/wZ3\\x2b",
            "4b71372f775a332b",
            "4B71372F775A332B",
            "37:2f:77:5a:33:2b:70:4c",
            "b233a577f27317b4",
            &reversed_text(&STANDARD_NO_PAD.encode("q7/wZ3+pL9")),
            &STANDARD_NO_PAD.encode("id:Kq7/wZ3+pL9 xT5%"),
            &STANDARD_NO_PAD.encode("client:Kq7/wZ3+pL9 xT5%"),
            &STANDARD_NO_PAD.encode("id:Kq7%2FwZ3%2BpL9+xT5%25"),
            &URL_SAFE_NO_PAD.encode("q7/wZ3+pL9 xT").to_lowercase(),
        ] {
            assert!(is_in(text, secret), "{text}");
        }
        for text in [
            "",
            "Kq7/wZ",
            "Kq7-wZ-pX9",
            "zKq7",
            "4b71372f775a33",
            "expired",
            "1234567890123456789",
            "https://h/a?b=c&amp;d=%41\\u0041",
        ] {
            assert!(!is_in(text, secret), "{text}");
        }
    }

    fn reversed_text(text: &str) -> String {
        text.chars().rev().collect()
    }

    /// Whatever stands before and after the part, eight bytes of a secret are found in Base64.
    #[test]
    fn any_eight_bytes_are_found_in_base64() {
        let secret = "Jk3mPz8vQw5xTn2cRb7yLd4h";
        for before in 0..3 {
            for at in 0..=secret.len() - 8 {
                let text = format!("{}{}!?", "<".repeat(before), &secret[at..at + 8]);
                assert!(is_in(&STANDARD_NO_PAD.encode(&text), secret), "{text}");
                assert!(is_in(&reversed_text(&URL_SAFE_NO_PAD.encode(&text)), secret), "{text}");
            }
        }
    }

    #[test]
    fn pieces_of_a_secret_in_consecutive_values_are_found() {
        let pieces = ["KQ7", "wZ3", "pL9"];
        assert!(Texts::of(pieces.into_iter()).repeat("xKq7wZ3pL9x", 8));
        assert!(Texts::of(["Kq%37wZ&#51;", "pL9"].into_iter()).repeat("xKq7wZ3pL9x", 8));
        assert!(!Texts::of(["KQ7", "x", "wZ3", "pL9"].into_iter()).repeat("xKq7wZ3pL9x", 8));
    }

    #[test]
    fn a_percent_encoded_secret_is_found_in_base64() {
        assert!(is_in(&STANDARD_NO_PAD.encode("id:%26%3D%26%3D%26%3D"), "&=&=&="));
        assert!(is_in(&STANDARD_NO_PAD.encode("id:&=&=&="), "%26%3D%26%3D%26%3D"));
        assert!(!is_in(&STANDARD_NO_PAD.encode("id:%26%3D%26%3D"), "*-._*-._"));
    }

    #[test]
    fn a_secret_that_is_shorter_than_a_part_is_found_as_a_whole() {
        assert!(is_in("a7b", "7") && is_in("xABCx", "abc") && is_in("17", "17"));
        assert!(is_in("xcbax", "abc") && is_in("the PIN is 12345.", "1-2-3-4-5"));
        assert!(!is_in("a8b", "7") && !is_in("ab", "abc") && !is_in("anything", ""));
        assert!(is_in("my hunter2", "hunter2") && !is_in("my hunter", "hunter2"));
        // The joined form of this secret is one letter, which is not the secret.
        assert!(!is_in("banana", "a-----"));
    }
}
