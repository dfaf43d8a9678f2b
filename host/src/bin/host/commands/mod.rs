//! The commands of `host`, each in its own module.

mod call;
mod compile;
mod inspect;
mod run;
mod test;

pub(crate) use call::call;
pub(crate) use compile::compile;
pub(crate) use inspect::inspect;
pub(crate) use run::run;
pub(crate) use test::test;
