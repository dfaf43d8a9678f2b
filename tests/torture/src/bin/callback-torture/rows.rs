//! Run the command once for each shape.

use std::ffi::OsStr;
use std::io;
use std::process::Command;
use std::sync::Arc;

use callback_torture::{Program, Provider, Shape, Source, Torture};

use crate::cli::{Args, Exit, From};
use crate::report::Report;
use crate::stop::Stop;

/// The environment variable that gives the issuer to the command.
const ISSUER: &str = "CALLBACK_TORTURE_ISSUER";

pub(crate) fn run(args: &Args, provider: &Arc<Provider>, stop: &Stop) -> io::Result<Exit> {
    let shapes: Vec<Shape> = match &args.shapes[..] {
        [] => Shape::ALL.to_vec(),
        chosen => chosen.iter().map(|name| name.0).collect(),
    };
    let source = match args.from {
        From::Browser => Source::Browser(std::env::current_exe()?),
        From::Output => Source::Output,
        From::Callback => Source::Callback,
    };
    let trust = args.ca_cert.clone().unwrap_or_default();
    let torture = Torture::new(shapes, args.timeout).trusting(trust.clone());
    let mut report = Report::of(args);
    for &shape in &torture.shapes {
        let mut command = command(args, provider.issuer());
        let spawn = || Program::spawn(&mut command, source.clone(), Some(Arc::clone(provider)));
        let program = stop.spawn(spawn).map_err(|error| {
            let program = args.command[0].to_string_lossy().into_owned();
            io::Error::other(format!("cannot run `{program}`: {error}"))
        })?;
        let program = program.trusting(trust.clone());
        report.add(torture.judge(shape, program.opened(args.timeout)))?;
    }
    report.end()
}

fn command(args: &Args, issuer: &str) -> Command {
    let mut words = args.command.iter().map(|word| match word.to_str() {
        Some(text) => text.replace("{issuer}", issuer).into(),
        None => word.clone(),
    });
    let mut command = Command::new(words.next().as_deref().unwrap_or(OsStr::new("")));
    command.args(words).env(ISSUER, issuer);
    command
}
