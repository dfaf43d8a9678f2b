//! The report that build servers read.

use std::fs::File;
use std::io;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Tested;

/// Write what came of all cases to `file`.
pub(super) fn write(file: &Path, all: &[Tested]) -> io::Result<()> {
    let mut suite = TestSuite::new("host test");
    suite.add_test_cases(all.iter().map(case));
    let mut report = Report::new("host test");
    report.add_test_suite(suite);
    report.serialize(File::create(file)?).map_err(io::Error::other)
}

fn case(Tested { name, report, took }: &Tested) -> TestCase {
    let status = match report.failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let told: Vec<String> = report
                .failures
                .iter()
                .map(|failure| {
                    let detail = failure.detail.as_deref().unwrap_or_default();
                    format!("{name}:{}: {}\n{detail}", failure.line, failure.message)
                })
                .collect();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first.message.as_str()).set_description(told.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(name.as_str(), status);
    case.set_time(*took);
    case
}
