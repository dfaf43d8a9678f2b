//! Reads a body in a case, in the syntax of Hurl.

use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Deserializer, Value};

use super::folder::CaseFolder;
use super::lines::{Line, Lines, ParseError};

const FENCE: &str = "```";
/// The beginning of a reference to a file, `file,NAME;`.
pub(super) const FILE: &str = "file,";

/// Returns whether a body begins on this line.
pub(super) fn begins(line: &Line<'_>) -> bool {
    let text = line.text.trim_start();
    ["`", "{", FILE, "base64,"].iter().any(|start| text.starts_with(start))
}

/// Reads the body that begins on the next line. Files are in the folder of the case, or below.
pub(super) fn read(lines: &mut Lines<'_>, folder: &CaseFolder) -> Result<Vec<u8>, ParseError> {
    if let Some(line) = lines.peek().filter(|line| line.text.trim_start().starts_with('{')) {
        return json(lines, line);
    }
    let Some(line) = lines.next() else { return Ok(Vec::new()) };
    let text = line.text.trim();
    if text.starts_with(FENCE) {
        return fenced(lines, line);
    }
    if let Some(quoted) = text.strip_prefix('`') {
        let content = quoted.strip_suffix('`').ok_or_else(|| {
            line.error(line.text, "missing closing \"`\" on the line of the body")
        })?;
        return Ok(content.as_bytes().to_vec());
    }
    if text.starts_with(FILE) {
        return file(&line, text, folder);
    }
    let content = after_comma(&line, text)?;
    STANDARD
        .decode(content)
        .map_err(|error| line.error(content, format!("invalid base64: {error}")))
}

/// Returns the part of `text`, such as `file,NAME;`, between the comma and the semicolon.
fn after_comma<'a>(line: &Line<'_>, text: &'a str) -> Result<&'a str, ParseError> {
    let (_, content) = text.split_once(',').unwrap_or_default();
    content
        .strip_suffix(';')
        .ok_or_else(|| line.error(line.text, "missing `;` at the end of the line"))
}

/// Reads the file that `text` names, as `file,NAME;`. It is in the folder of the case, or below.
pub(super) fn file(
    line: &Line<'_>,
    text: &str,
    folder: &CaseFolder,
) -> Result<Vec<u8>, ParseError> {
    let content = after_comma(line, text)?;
    if !is_below(content) {
        return Err(line.error(content, "invalid file name: expected a relative path without `..`"));
    }
    folder
        .read(Path::new(content))
        .map_err(|error| line.error(content, format!("cannot read `{content}`: {error}")))
}

/// Returns whether the name stays in the folder. The file may still be a link, which is not followed.
fn is_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Reads the lines between two fences, each with its line feed. A language name may follow the first fence.
fn fenced(lines: &mut Lines<'_>, opening: Line<'_>) -> Result<Vec<u8>, ParseError> {
    if opening.text.trim().trim_start_matches('`').contains('`') {
        let message = "unexpected text after \"```\": the body begins on the next line";
        return Err(opening.error(opening.text, message));
    }
    let mut content = Vec::new();
    while let Some(line) = lines.next_raw() {
        if line.text.trim() == FENCE {
            return Ok(content);
        }
        content.extend(line.text.as_bytes());
        content.push(b'\n');
    }
    Err(opening.error(opening.text, "missing closing \"```\" of the body"))
}

/// Reads one JSON object, and returns it unchanged.
fn json(lines: &mut Lines<'_>, line: Line<'_>) -> Result<Vec<u8>, ParseError> {
    let rest = lines.rest();
    let mut values = Deserializer::from_str(&rest).into_iter::<Value>();
    match values.next() {
        Some(Ok(_)) => {
            let content = &rest[..values.byte_offset()];
            lines.skip(content.lines().count());
            let after = rest[content.len()..].lines().next().unwrap_or_default().trim();
            if after.is_empty() {
                Ok(content.as_bytes().to_vec())
            } else {
                Err(line.error(line.text, "unexpected text after the JSON body"))
            }
        }
        Some(Err(error)) => {
            // The column of a JSON error counts bytes, and that of a parse error counts characters.
            let line_of = rest.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let before = line_of.floor_char_boundary(error.column().saturating_sub(1));
            Err(ParseError {
                line: line.number + error.line().saturating_sub(1),
                column: line_of[..before].chars().count() + 1,
                ..line.error(line.text, format!("invalid JSON: {error}"))
            })
        }
        None => Ok(Vec::new()),
    }
}
