//! The flags for the limits, generated from the library's list of limits.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, FromArgMatches};
use curtaincall::Limits;
use curtaincall::internals::limits::{self, LIMITS};

/// One flag for each limit.
#[derive(Debug)]
pub(crate) struct LimitArgs(pub(super) Limits);

impl Args for LimitArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        LIMITS.iter().fold(command, |command, &limit| {
            let check = move |text: &str| {
                limits::set(&mut Limits::default(), limit, text).map(|()| text.to_owned())
            };
            command.arg(
                Arg::new(limits::setting(limit))
                    .long(limits::setting(limit))
                    .value_name(limits::value_name(limit))
                    .help(limits::about(limit))
                    .help_heading("Limits")
                    .default_value(limits::get(&Limits::default(), limit))
                    .value_parser(check),
            )
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self(Limits::default());
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let text = |limit| matches.get_one::<String>(&limits::setting(limit));
        let given = LIMITS.iter().filter_map(|&limit| Some((limit, text(limit)?)));
        given.into_iter().try_for_each(|(limit, text)| {
            limits::set(&mut self.0, limit, text)
                .map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, error))
        })
    }
}
