//! Where the cases are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the name of a case ends, in a folder.
const EXTENSION: &str = "case";

/// Why there are no cases to run.
#[derive(Debug, thiserror::Error)]
pub(super) enum CasesError {
    #[error("cannot read `{}`: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("there is no case in the folder `{}`; the name of a case ends with `.case`", .0.display())]
    Empty(PathBuf),
    #[error("no case has `{0}` in its name")]
    Filter(String),
}

/// The cases that these paths name: files as they are, and of folders all that is in them. Each once.
pub(super) fn find(paths: &[PathBuf], filter: Option<&str>) -> Result<Vec<PathBuf>, CasesError> {
    let mut all = Vec::new();
    for path in paths {
        let read = |source| CasesError::Read { path: path.clone(), source };
        if fs::metadata(path).map_err(read)?.is_dir() {
            let known = all.len();
            walk(path, &mut all).map_err(read)?;
            if all.len() == known {
                return Err(CasesError::Empty(path.clone()));
            }
            all[known..].sort();
        } else {
            all.push(path.clone());
        }
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    if let Some(text) = filter {
        all.retain(|file| file.display().to_string().contains(text));
        if all.is_empty() {
            return Err(CasesError::Filter(text.to_owned()));
        }
    }
    Ok(all)
}

/// What is hidden is not looked at, and links to folders are not followed: they may lead back here.
fn walk(folder: &Path, cases: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&path, cases)?;
        } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
            cases.push(path);
        }
    }
    Ok(())
}
