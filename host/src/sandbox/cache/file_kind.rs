//! Recognizes the files of the cache by their names, so that pruning removes nothing else.

/// The suffix of an entry whose code counts its fuel.
pub(super) const METERED: &str = "-metered";

/// The kind of a file in the folder of the cache, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// An entry: `DIGEST-VERSION` or `DIGEST-VERSION-metered`.
    Entry,
    /// An entry that is being written: the name of the entry, a dot and 16 hexadecimal digits.
    Unfinished,
    /// A file that the cache did not write.
    Foreign,
}

impl FileKind {
    pub(super) fn of_name(name: &str) -> Self {
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
            _ => Self::Foreign,
        }
    }
}

/// Returns whether `text` is the version of this library, or consists of three numbers, as earlier versions do.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text == env!("CARGO_PKG_VERSION")
        || (text.split('.').count() == 3 && text.split('.').all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_cache_writes_are_recognized() {
        let digest = "0123456789abcdef".repeat(4);
        let kind = |rest: &str| FileKind::of_name(&format!("{digest}{rest}"));
        for entry in ["-0.1.0", "-0.1.0-metered", "-10.20.30"] {
            assert_eq!(kind(entry), FileKind::Entry, "{entry}");
            let unfinished = format!("{entry}.0123456789abcdef");
            assert_eq!(kind(&unfinished), FileKind::Unfinished, "{entry}");
        }
        for other in
            ["", "-", "-0.1", "-0.1.0-meter", "-0.1.0.0123", "-0.1.x", "a-0.1.0", "-metered"]
        {
            assert_eq!(kind(other), FileKind::Foreign, "{other}");
        }
        let upper_case = format!("{}-0.1.0", "A".repeat(64));
        assert_eq!(FileKind::of_name(&upper_case), FileKind::Foreign);
    }
}
