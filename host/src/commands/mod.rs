//! The commands of `host`, a module each.

mod compile;
mod run;

pub(crate) use compile::compile;
pub(crate) use run::run;
