//! The hash of the sources that a guest was built from, recorded in the component.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
#[cfg(test)]
use wasmparser::{Parser, Payload};

/// The custom section of a component that holds the hash, in hexadecimal.
pub(crate) const SECTION: &str = "curtaincall-sources";

/// The folders that every guest of the host is built from, in addition to its own folder.
pub(crate) const SHARED: [&str; 2] = ["guest/sdk", "wit"];

/// The folder of a guest's test cases.
const CASES: &str = "cases";

/// The endings of files beside the sources: documents, and the component itself.
const OTHERS: [&str; 2] = [".md", ".wasm"];

/// SHA-256 of the paths and contents of all sources of a guest, in hexadecimal: those in its own folder and in the
/// folders `shared`.
pub(crate) fn hash(root: &Path, guest: &str, shared: &[&str]) -> Result<String> {
    let mut files = BTreeMap::new();
    for folder in shared.iter().copied().chain([format!("guest/{guest}").as_str()]) {
        collect(root, Path::new(folder), &mut files)?;
    }
    let mut hasher = Sha256::new();
    for (path, content) in files {
        // Git may check out text with different line endings.
        let content = content.replace("\r\n", "\n");
        hasher.update(format!("{path}\0{}\0{content}", content.len()));
    }
    Ok(hexadecimal(&hasher.finalize()))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    let read = || format!("cannot read `{}`", folder.display());
    for entry in fs::read_dir(root.join(folder)).with_context(read)? {
        let entry = entry.with_context(read)?;
        let (path, kind) = (folder.join(entry.file_name()), entry.file_type().with_context(read)?);
        let is_other = |ending| entry.file_name().to_string_lossy().ends_with(ending);
        if kind.is_dir() && entry.file_name() == CASES || OTHERS.into_iter().any(is_other) {
            // The component is not built from these.
        } else if kind.is_dir() {
            collect(root, &path, files)?;
        } else if kind.is_file() {
            let name = path.to_string_lossy().replace('\\', "/");
            let content = fs::read_to_string(root.join(&path))
                .with_context(|| format!("cannot read `{name}`"))?;
            files.insert(name, content);
        }
    }
    Ok(())
}

/// The hash that is recorded in a component.
#[cfg(test)]
pub(crate) fn recorded(component: &[u8]) -> Option<String> {
    Parser::new(0).parse_all(component).find_map(|payload| match payload {
        Ok(Payload::CustomSection(section)) if section.name() == SECTION => {
            String::from_utf8(section.data().to_vec()).ok()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_changes_with_every_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/xtask-sources-test");
        let _ = fs::remove_dir_all(&root);
        for folder in ["guest/sdk", "wit/deps", "guest/g/src"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let hash = |guest| hash(&root, guest, &SHARED).unwrap();
        let mut seen = vec![hash("g")];
        for (file, content) in [
            ("guest/g/src/lib.rs", "a"),
            ("guest/g/src/lib.rs", "b"),
            ("guest/sdk/lib.rs", "b"),
            ("wit/deps/a.wit", ""),
        ] {
            fs::write(root.join(file), content).unwrap();
            let changed = hash("g");
            assert!(!seen.contains(&changed), "{file}");
            seen.push(changed);
        }
        for other in
            ["guest/other/lib.rs", "guest/g/README.md", "guest/g/g.wasm", "guest/g/cases/a.case"]
        {
            let path = root.join(other);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "c").unwrap();
        }
        assert_eq!(Some(&hash("g")), seen.last());
    }
}
