//! The report that build servers read: JUnit's, as far as they agree on it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use curtaincall::internals::files::{Folder, Readers, is_inherited};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::Tested;

/// Write what came of all cases to `file`. Control characters, which XML cannot have, are visible already.
pub(super) fn write(file: &Path, all: &[Tested]) -> io::Result<()> {
    let report = report(all)?;
    let (Some(name), false) = (file.file_name(), is_inherited(file)) else {
        return fs::write(file, report);
    };
    // It often stands beside the cases, and what stands there may be a stranger's: a link or a pipe is not
    // followed, and neither is written to.
    match fs::symlink_metadata(file) {
        Ok(known) if !known.is_file() => return Err(io::Error::other("it is not a regular file")),
        _ => {}
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = Folder::open(folder.unwrap_or(Path::new(".")))?;
    folder.replace(name, &[&report], Readers::Umask)
}

fn report(all: &[Tested]) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = all.iter().filter(|tested| !tested.report.passed()).count();
    let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
    let attributes = [
        ("name", "host test".to_owned()),
        ("tests", all.len().to_string()),
        ("failures", failed.to_string()),
        ("errors", "0".to_owned()),
        ("time", seconds(all.iter().map(|tested| tested.took).sum())),
    ];
    let attributes = || attributes.iter().map(|(name, value)| (*name, value.as_str()));
    xml.create_element("testsuites").with_attributes(attributes()).write_inner_content(|xml| {
        xml.create_element("testsuite").with_attributes(attributes()).write_inner_content(
            |xml| {
                all.iter().try_for_each(|tested| {
                    let time = seconds(tested.took);
                    let case = xml
                        .create_element("testcase")
                        .with_attribute(("classname", "host test"))
                        .with_attribute(("name", xml_text(&tested.name).as_str()))
                        .with_attribute(("time", time.as_str()));
                    match tested.report.failures.first() {
                        None => case.write_empty()?,
                        Some(first) => case.write_inner_content(|xml| {
                            xml.create_element("failure")
                                .with_attribute(("message", xml_text(&first.message).as_str()))
                                .write_text_content(BytesText::new(&told(tested)))?;
                            Ok(())
                        })?,
                    };
                    Ok(())
                })
            },
        )?;
        Ok(())
    })?;
    Ok(xml.into_inner())
}

fn told(Tested { name, report, .. }: &Tested) -> String {
    let lines: Vec<String> = report
        .failures
        .iter()
        .map(|failure| {
            let detail = failure.detail.as_deref().unwrap_or_default();
            format!("{name}:{}: {}\n{detail}", failure.line, failure.message)
        })
        .collect();
    xml_text(&lines.join("\n"))
}

/// Two characters are visible and not XML's.
fn xml_text(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
