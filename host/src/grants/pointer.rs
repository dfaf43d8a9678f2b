//! JSON Pointers (RFC 6901).

/// The names and indexes in `pointer`, from the outside in, or `None` if it is invalid.
pub(crate) fn parse(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer.strip_prefix('/')?.split('/').map(unescaped).collect()
}

/// The pointer to the place at `path`.
pub(crate) fn join(path: &[impl AsRef<str>]) -> String {
    path.iter()
        .map(|part| format!("/{}", part.as_ref().replace('~', "~0").replace('/', "~1")))
        .collect()
}

fn unescaped(part: &str) -> Option<String> {
    let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
    let valid = part.split('~').skip(1).all(is_escaped);
    // The order matters: `~01` is `~1`, and not `/`.
    valid.then(|| part.replace("~1", "/").replace("~0", "~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_as_rfc_6901_says() {
        for (pointer, expected) in [
            ("", Some(vec![])),
            ("/", Some(vec![""])),
            ("/a/0", Some(vec!["a", "0"])),
            ("/a~1b/m~0n/~01", Some(vec!["a/b", "m~n", "~1"])),
            ("/a//", Some(vec!["a", "", ""])),
            ("a", None),
            ("/a~", None),
            ("/a~2", None),
            ("/~/0", None),
        ] {
            let parsed = parse(pointer);
            assert_eq!(parsed, expected.map(|path| path.into_iter().map(String::from).collect()));
            // A valid pointer is its own canonical form.
            assert!(parsed.is_none_or(|path| join(&path) == pointer), "{pointer}");
        }
    }
}
