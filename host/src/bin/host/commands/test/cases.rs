//! Finds the case files to run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The extension of a case file.
const EXTENSION: &str = "case";

/// Why there are no cases to run.
#[derive(Debug, thiserror::Error)]
pub(super) enum CasesError {
    #[error("cannot read `{}`: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("no cases in the folder `{}`: expected files named `*.case`", .0.display())]
    Empty(PathBuf),
    #[error("no case has a name that contains `{0}`")]
    Filter(String),
}

impl CasesError {
    /// Returns whether a file or a folder does not exist.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// A case file, as a path below a folder: the folder that the user named, or the parent of a file that the user named.
#[derive(Debug)]
pub(super) struct CaseFile {
    pub(super) root: PathBuf,
    /// Relative to `root`.
    pub(super) below: PathBuf,
}

impl CaseFile {
    /// Returns the case file for a path that the user named.
    fn of(file: &Path) -> Self {
        let root = file.parent().unwrap_or(Path::new("")).to_owned();
        Self { root, below: file.file_name().unwrap_or_default().into() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.join(&self.below)
    }

    /// Returns a key that is equal for all paths to the same file. A link and its target have different keys.
    fn identity(&self) -> PathBuf {
        let Self { root, below } = Self::of(&self.path());
        let root = if root.as_os_str().is_empty() { Path::new(".").to_owned() } else { root };
        fs::canonicalize(&root).unwrap_or(root).join(below)
    }
}

/// Returns the case files for these paths, without duplicates: named files, and all `*.case` files below named
/// folders.
pub(super) fn find(paths: &[PathBuf], filter: Option<&str>) -> Result<Vec<CaseFile>, CasesError> {
    let mut all: Vec<CaseFile> = Vec::new();
    for path in paths {
        let read = |source| CasesError::Read { path: path.clone(), source };
        if fs::metadata(path).map_err(read)?.is_dir() {
            let known = all.len();
            walk(path, Path::new(""), &mut all).map_err(read)?;
            if all.len() == known {
                return Err(CasesError::Empty(path.clone()));
            }
            all[known..].sort_by_cached_key(CaseFile::path);
        } else {
            all.push(CaseFile::of(path));
        }
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|case| seen.insert(case.identity()));
    if let Some(text) = filter {
        all.retain(|case| case.path().display().to_string().contains(text));
        if all.is_empty() {
            return Err(CasesError::Filter(text.to_owned()));
        }
    }
    Ok(all)
}

/// Adds the case files below a folder. Skips hidden files, and links to folders, which may form a cycle. A link to a
/// file is added as a case, and the case then fails, because the link may lead anywhere.
fn walk(root: &Path, folder: &Path, cases: &mut Vec<CaseFile>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, cases)?;
        } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
            cases.push(CaseFile { root: root.to_owned(), below: path });
        }
    }
    Ok(())
}
