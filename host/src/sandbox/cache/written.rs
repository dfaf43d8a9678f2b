//! What the cache writes, by its name: it removes nothing else.

/// How the name of an entry ends where fuel is counted.
pub(super) const METERED: &str = "-metered";

/// What the cache writes, by its name: `DIGEST-VERSION` or `DIGEST-VERSION-metered`, and until that is whole,
/// with a dot and 16 digits after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Entry,
    Unfinished,
    Nothing,
}

impl Written {
    pub(super) fn of(name: &str) -> Self {
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_entry = |name: &str| {
            let Some((digest, version)) = name.split_once('-') else { return false };
            let version = version.strip_suffix(METERED).unwrap_or(version);
            is_hex(digest, 64) && is_version(version)
        };
        match name.rsplit_once('.') {
            Some((entry, digits)) if is_hex(digits, 16) && is_entry(entry) => Self::Unfinished,
            _ if is_entry(name) => Self::Entry,
            _ => Self::Nothing,
        }
    }
}

/// This version, or an earlier one, which is three numbers.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text == env!("CARGO_PKG_VERSION")
        || (text.split('.').count() == 3 && text.split('.').all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_cache_writes_is_known_as_its_own() {
        let digest = "0123456789abcdef".repeat(4);
        let name = |rest: &str| Written::of(&format!("{digest}{rest}"));
        for entry in ["-0.1.0", "-0.1.0-metered", "-10.20.30"] {
            assert_eq!(name(entry), Written::Entry, "{entry}");
            assert_eq!(name(&format!("{entry}.0123456789abcdef")), Written::Unfinished, "{entry}");
        }
        for other in
            ["", "-", "-0.1", "-0.1.0-meter", "-0.1.0.0123", "-0.1.x", "a-0.1.0", "-metered"]
        {
            assert_eq!(name(other), Written::Nothing, "{other}");
        }
        assert_eq!(Written::of(&format!("{}-0.1.0", "A".repeat(64))), Written::Nothing);
    }
}
