//! Figures with their spread, and the verdict on them.

use std::process::ExitCode;
use std::time::Duration;

/// Measured times of one thing.
pub struct Figures(Vec<Duration>);

impl Figures {
    /// Take `runs` measurements, after a few that do not count.
    pub fn measure(runs: usize, mut measure: impl FnMut() -> Duration) -> Self {
        (0..3).for_each(|_| {
            measure();
        });
        Self::of((0..runs).map(|_| measure()).collect())
    }

    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    pub fn max(&self) -> Duration {
        self.0[self.0.len() - 1]
    }

    /// One line: what, and its minimum, median and maximum.
    pub fn print(&self, what: &str) {
        let [min, median, max] = [self.0[0], self.median(), self.max()].map(milliseconds);
        println!(
            "{what:<58} min {min:>9}  median {median:>9}  max {max:>9}  ({} runs)",
            self.0.len()
        );
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// What the benchmarks found out.
pub struct Verdict(bool);

impl Verdict {
    pub fn new() -> Self {
        Self(true)
    }

    /// Say whether a number is met here and now. Time is for a person to judge: on a busy machine it
    /// says more about the machine.
    pub fn compare(&self, claim: &str, holds: bool) {
        println!("  {} {claim}", if holds { "holds:" } else { "DOES NOT HOLD HERE:" });
    }

    /// Say whether something holds that must hold on any machine; the run fails where it does not.
    pub fn require(&mut self, claim: &str, holds: bool) {
        self.compare(claim, holds);
        self.0 &= holds;
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        if verdict.0 { Self::SUCCESS } else { Self::FAILURE }
    }
}
