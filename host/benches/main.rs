//! `cargo bench` measures the promised times and sizes on this machine. The run fails if a page or a token is lost, if
//! the host grows, or if the program is too large. `cargo bench -- leaving` runs a single benchmark.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]
#![expect(clippy::unwrap_used, reason = "a panic fails the benchmark")]
#![expect(unreachable_pub, reason = "a benchmark exports nothing")]

#[cfg(unix)]
mod bounce;
mod call;
mod exchange;
mod figures;
mod hostile;
#[cfg(target_os = "linux")]
mod idle;
mod leaving;
mod page;
mod program;
mod provider;
mod size;
mod soak;
mod startup;
#[expect(dead_code, reason = "the tests use the rest")]
mod support;
mod testing;

use std::process::ExitCode;

use figures::Verdict;

type Benchmark = (&'static str, fn(&mut Verdict));

const ALL: &[Benchmark] = &[
    ("size", size::run),
    ("call", |v| call::run(v)),
    ("startup", startup::run),
    ("page", |v| page::run(v)),
    ("leaving", leaving::run),
    ("exchange", exchange::run),
    ("hostile", hostile::run),
    #[cfg(target_os = "linux")]
    ("idle", idle::run),
    ("testing", |v| testing::run(v)),
    #[cfg(unix)]
    ("bounce", bounce::run),
    ("soak", soak::run),
];

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == page::ONCE) {
        page::once();
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let mut verdict = Verdict::new();
    for (name, run) in ALL {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            println!("{name}");
            run(&mut verdict);
        }
    }
    verdict.into()
}
