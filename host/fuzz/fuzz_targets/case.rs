//! Fuzz cases with arbitrary bytes. If a case does not parse, the reported place is in the text. If it parses, two runs
//! against a guest have the same result.

#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use curtaincall::internals::case::{Case, CaseFailure, Mode};
use curtaincall::internals::sandbox::{Sandbox, Terms};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guest = "../tests/guests/probe.wasm".parse().unwrap();
    runtime.block_on(Sandbox::load(guest, Terms::default(), Arc::new(|_| {}))).unwrap()
});

/// A case has neither a snapshot nor files.
const FILE: &str = "/nowhere/a.case";

fuzz_target!(|bytes: &[u8]| {
    let case = match Case::parse(Path::new(FILE), bytes) {
        Ok(case) => case,
        Err(error) => {
            let text = String::from_utf8_lossy(bytes);
            let lines: Vec<_> = text.split('\n').collect();
            assert!((1..=lines.len()).contains(&error.line), "{error}");
            let columns = lines[error.line - 1].chars().count() + 1;
            assert!((1..=columns).contains(&error.column), "{error}");
            return;
        }
    };
    let run = || {
        let report = case.run(&SANDBOX, Mode::default()).unwrap();
        for failure in &report.failures {
            let CaseFailure { message, detail, context, .. } = failure;
            let texts = [Some(message), detail.as_ref(), context.reason.as_ref()];
            let mut told = texts.into_iter().flatten().chain(&context.lines);
            let is_visible = |c: char| !c.is_control() || c == '\n';
            assert!(told.all(|text| text.chars().all(is_visible)));
        }
        report.failures
    };
    let (first, second) = (run(), run());
    // CPU time depends on the machine, and so does the place where it ends a guest.
    let is_out_of_time = |told: &[CaseFailure]| format!("{told:?}").contains("of CPU time");
    assert!(first == second || is_out_of_time(&first) || is_out_of_time(&second));
});
