//! What a person must know about the requests of one call: which URLs are not granted, and why requests failed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::variables::Variables;
use crate::visible::CAUSE;

/// The largest number of URLs, and of failures, that are kept for one call. A guest chooses how many there are.
const KEPT: usize = 32;

/// What a person must know about the requests of one call. The texts are redacted, escaped and truncated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestProblems {
    /// The endpoints and origins that the guest asked for without a grant, each once.
    pub not_granted: Vec<String>,
    /// The granted requests that failed for a reason that the network does not report: the URL, and the reason. Also
    /// those whose answer repeats a secret.
    pub failed: Vec<(String, String)>,
}

impl RequestProblems {
    /// Returns whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.not_granted.is_empty() && self.failed.is_empty()
    }
}

/// Collects the problems of one call.
#[derive(Clone)]
pub(super) struct Problems {
    variables: Arc<Variables>,
    found: Arc<Mutex<RequestProblems>>,
}

impl Problems {
    /// Starts without problems. The secrets in `variables` are redacted.
    pub(super) fn new(variables: Arc<Variables>) -> Self {
        Self { variables, found: Arc::default() }
    }

    /// Adds a URL or an origin that is not granted.
    pub(super) fn not_granted(&self, url: &str) {
        let url = self.variables.shown(&url, CAUSE);
        self.change(|found| add(&mut found.not_granted, url));
    }

    /// Adds a request that failed, or whose answer cannot be used as it should.
    pub(super) fn failed(&self, url: &str, reason: &dyn fmt::Display) {
        let shown = |text: &dyn fmt::Display| self.variables.shown(text, CAUSE);
        let failure = (shown(&url), shown(reason));
        self.change(|found| add(&mut found.failed, failure));
    }

    /// Takes the problems so far.
    pub(super) fn take(&self) -> RequestProblems {
        self.change(std::mem::take)
    }

    /// Takes the URLs that are not granted.
    pub(super) fn take_not_granted(&self) -> Vec<String> {
        self.change(|found| std::mem::take(&mut found.not_granted))
    }

    fn change<T>(&self, change: impl FnOnce(&mut RequestProblems) -> T) -> T {
        change(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < KEPT && !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::ExchangeError;

    #[test]
    fn each_problem_is_kept_once_and_a_guest_cannot_fill_the_list() {
        let problems = Problems::new(Arc::default());
        for number in 0..100 {
            problems.not_granted("https://a.example");
            problems.not_granted(&format!("https://{number}.example/\n{}", "x".repeat(10_000)));
            problems.failed("https://a.example", &ExchangeError::Redirect);
        }
        let RequestProblems { not_granted, failed } = problems.take();
        assert_eq!(not_granted.len(), KEPT);
        assert!(not_granted.iter().all(|url| url.len() <= CAUSE + 3 && !url.contains('\n')));
        assert_eq!(failed, [("https://a.example".into(), ExchangeError::Redirect.to_string())]);
        assert!(problems.take().is_empty());
    }
}
