//! The search for secrets in a text that others will read.

use std::iter;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

/// How often the text is percent-decoded. Some providers decode a value twice.
const DECODINGS: usize = 2;

/// Base64 without padding, and with any bits left over at the end: the search cuts words at arbitrary places.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Finds a secret in `text`: as it is, percent-encoded up to twice, form-encoded, or in base64 or base64url. `find` returns the
/// secret that a text contains as it is.
///
/// A guest cannot read its secrets, so this finds mistakes and the simple attacks. It is not a proof.
pub(super) fn find<T>(text: &str, find: &dyn Fn(&str) -> Option<T>) -> Option<T> {
    let decoded = |text: &String| Some(percent_decoded(text));
    iter::successors(Some(text.to_owned()), decoded).take(DECODINGS + 1).find_map(|text| {
        find(&text)
            .or_else(|| find(&percent_decoded(&text.replace('+', " "))))
            .or_else(|| find_in_base64(&text, find))
    })
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes each word of base64 characters. Its parts may start anywhere, so it is decoded from each of the first four
/// characters on.
fn find_in_base64<T>(text: &str, find: &dyn Fn(&str) -> Option<T>) -> Option<T> {
    let text = text.replace('-', "+").replace('_', "/");
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || c == '+' || c == '/');
    text.split(is_other).find_map(|word| {
        (0..4.min(word.len())).find_map(|start| {
            let part = &word[start..];
            // One character alone is less than a byte.
            let end = part.len() - usize::from(part.len() % 4 == 1);
            let bytes = BASE64.decode(&part[..end]).unwrap_or_default();
            find(&String::from_utf8_lossy(&bytes))
        })
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

    use super::*;

    fn is_in(text: &str, secret: &str) -> bool {
        find(text, &|text| text.contains(secret).then_some(())).is_some()
    }

    #[test]
    fn a_secret_is_found_in_every_common_form_and_place() {
        for secret in ["s3cr3t/+ v?ry~>>~???", "abcd", "abcde", "abcdef", "kåffe-øl"] {
            let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let base64 = STANDARD.encode(secret);
            let encoded: String = form_urlencoded::byte_serialize(base64.as_bytes()).collect();
            let forms = [
                secret.to_owned(),
                percent.replace('%', "%25"),
                percent,
                form,
                STANDARD_NO_PAD.encode(secret),
                URL_SAFE.encode(secret),
                STANDARD.encode(format!("id:{secret}:x")),
                encoded.replace('%', "%25"),
                encoded,
                base64,
            ];
            for form in &forms {
                for (before, after) in
                    [("", ""), ("x", "y"), ("xx/", "yy"), ("a_x-", "&c=d"), ("a?b=", ".")]
                {
                    let text = format!("{before}{form}{after}");
                    assert!(is_in(&text, secret), "{text}");
                    assert!(!is_in(&text, "another"), "{text}");
                }
            }
        }
    }

    #[test]
    fn text_without_a_secret_is_not_refused() {
        for text in ["", "%", "%zz", "+", "a", "=", "é", "\0", "https://a/?state=QUJDRA&x=%41"] {
            assert!(!is_in(text, "abcd"), "{text}");
        }
    }
}
