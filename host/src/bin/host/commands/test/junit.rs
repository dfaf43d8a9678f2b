//! Writes the JUnit XML report that build servers read.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use curtaincall::internals::files::{Folder, Readers, is_inherited};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{TimedCase, place};

/// Writes the results of all cases to `file`. Control characters, which XML does not allow, are already escaped.
pub(super) fn write(file: &Path, all: &[TimedCase]) -> io::Result<()> {
    let report = report(all)?;
    let (Some(name), false) = (file.file_name(), is_inherited(file)) else {
        return fs::write(file, report);
    };
    // The report is often written beside the cases, where other files may be untrusted. So do not write through a link
    // or into a pipe.
    match fs::symlink_metadata(file) {
        Ok(known) if !known.is_file() => return Err(io::Error::other("not a regular file")),
        _ => {}
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = Folder::open(folder.unwrap_or(Path::new(".")))?;
    folder.replace(name, &[&report], Readers::Umask)
}

fn report(all: &[TimedCase]) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = all.iter().filter(|result| !result.report.passed()).count();
    let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
    let attributes = [
        ("name", "host test".to_owned()),
        ("tests", all.len().to_string()),
        ("failures", failed.to_string()),
        ("errors", "0".to_owned()),
        ("time", seconds(all.iter().map(|result| result.took).sum())),
    ];
    let attributes = || attributes.iter().map(|(name, value)| (*name, value.as_str()));
    xml.create_element("testsuites").with_attributes(attributes()).write_inner_content(|xml| {
        xml.create_element("testsuite").with_attributes(attributes()).write_inner_content(
            |xml| {
                all.iter().try_for_each(|result| {
                    let time = seconds(result.took);
                    let case = xml
                        .create_element("testcase")
                        .with_attribute(("classname", "host test"))
                        .with_attribute(("name", xml_text(&result.name).as_str()))
                        .with_attribute(("time", time.as_str()));
                    match result.report.failures.first() {
                        None => case.write_empty()?,
                        Some(first) => case.write_inner_content(|xml| {
                            xml.create_element("failure")
                                .with_attribute(("message", xml_text(&first.message).as_str()))
                                .write_text_content(BytesText::new(&failures(result)))?;
                            Ok(())
                        })?,
                    };
                    Ok(())
                })
            },
        )?;
        Ok(())
    })?;
    let mut report = xml.into_inner();
    report.push(b'\n');
    Ok(report)
}

fn failures(TimedCase { name, report, .. }: &TimedCase) -> String {
    let lines: Vec<String> = report
        .failures
        .iter()
        .map(|failure| {
            let detail = failure.detail.as_deref().unwrap_or_default();
            format!("{}: {}\n{detail}", place(name, failure), failure.message)
        })
        .collect();
    xml_text(&lines.join("\n"))
}

/// Replaces U+FFFE and U+FFFF, the only characters that XML does not allow and that are not escaped already.
fn xml_text(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
