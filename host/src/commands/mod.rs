//! The commands of `host`, a module each.

mod call;
mod compile;
mod run;
mod test;

pub(crate) use call::call;
pub(crate) use compile::compile;
pub(crate) use run::run;
pub(crate) use test::test;
