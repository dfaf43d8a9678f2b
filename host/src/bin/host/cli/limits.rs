//! The flags for the limits, generated from the library's list of limits.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, FromArgMatches};
use curtaincall::Limits;
use curtaincall::error::Limit;

/// One flag for each limit.
#[derive(Debug)]
pub(crate) struct LimitArgs(pub(super) Limits);

impl Args for LimitArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Limit::ALL.iter().fold(command, |command, &limit| {
            let check =
                move |text: &str| Limits::default().set(limit, text).map(|()| text.to_owned());
            command.arg(
                Arg::new(limit.flag())
                    .long(limit.flag())
                    .value_name(limit.value_name())
                    .help(limit.about().trim())
                    .help_heading("Limits")
                    .default_value(Limits::default().get(limit))
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
        let given =
            Limit::ALL.iter().filter_map(|l| Some((*l, matches.get_one::<String>(l.flag())?)));
        given.into_iter().try_for_each(|(limit, text)| {
            self.0.set(limit, text).map_err(|e| clap::Error::raw(ErrorKind::ValueValidation, e))
        })
    }
}
