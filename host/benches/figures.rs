//! Measured times with their spread, and the verdict on them.

use std::process::ExitCode;
use std::time::Duration;

/// The measured times of one operation.
pub struct Figures(Vec<Duration>);

impl Figures {
    /// Measure `runs` times, after a few warm-up runs.
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

    /// Print one line with the description, the minimum, the median and the maximum.
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

/// The result of the benchmarks.
pub struct Verdict(bool);

impl Verdict {
    pub fn new() -> Self {
        Self(true)
    }

    /// Print whether a claim holds. It does not affect the exit code, because times also depend on the load of the
    /// machine.
    pub fn compare(&self, claim: &str, holds: bool) {
        println!("  {} {claim}", if holds { "holds:" } else { "DOES NOT HOLD HERE:" });
    }

    /// Print whether a goal is met, which is not a claim yet. It does not affect the exit code.
    pub fn goal(&self, goal: &str, is_met: bool) {
        println!("  {} {goal}", if is_met { "goal met:" } else { "goal not met:" });
    }

    /// Print whether a claim holds that must hold on every machine. If it does not, the run fails.
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
