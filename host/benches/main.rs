//! `cargo bench`: the numbers that this project promises, measured on this machine. A lost page
//! fails the run, and so does a host that grows. `cargo bench -- leaving` measures one of them.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]
#![expect(unreachable_pub, reason = "nothing is outside of a benchmark")]

mod call;
mod figures;
mod hostile;
mod leaving;
mod page;
mod soak;
mod startup;
#[expect(dead_code, reason = "tests need more of it")]
mod support;
mod testing;

use std::process::ExitCode;

use figures::Verdict;

type Benchmark = (&'static str, fn(&mut Verdict));

const ALL: [Benchmark; 7] = [
    ("call", |v| call::run(v)),
    ("startup", |v| startup::run(v)),
    ("page", |v| page::run(v)),
    ("leaving", leaving::run),
    ("hostile", hostile::run),
    ("testing", |v| testing::run(v)),
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
