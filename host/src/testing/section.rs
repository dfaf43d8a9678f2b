//! The section of a test case that states how an exchange ends.

use std::fmt;

use super::exchange::{End, shown};
use crate::outcome::Outcome;

/// The name of the section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndKind {
    Pending,
    Success,
    Failure,
    Refused,
    Failed,
}

/// How an exchange ends, as a section with name and value pairs. Names and values are escaped for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndSection {
    pub(super) kind: EndKind,
    pub(super) pairs: Vec<(String, String)>,
}

impl EndKind {
    const ALL: [Self; 5] =
        [Self::Pending, Self::Success, Self::Failure, Self::Refused, Self::Failed];

    /// Returns the kind of the section `[name]`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::Refused => "Refused",
            Self::Failed => "Failed",
        }
    }
}

impl EndSection {
    pub(super) fn of(end: &End) -> Self {
        match end {
            End::Pending => Self { kind: EndKind::Pending, pairs: Vec::new() },
            End::Done(outcome) => Self::done(outcome),
            End::Refused(refusal) => Self::reason(EndKind::Refused, refusal.reason()),
            End::Failed(error) => Self::failed(error.reason()),
        }
    }

    /// Returns the section for a flow that is complete.
    pub(super) fn done(outcome: &Outcome) -> Self {
        let kind = match outcome {
            Outcome::Success(_) => EndKind::Success,
            Outcome::Failure(_) => EndKind::Failure,
        };
        let fields = outcome.fields().into_iter();
        Self { kind, pairs: fields.map(|(name, value)| (shown(name), shown(value))).collect() }
    }

    /// Returns the section for a guest that failed.
    pub(super) fn failed(reason: &str) -> Self {
        Self::reason(EndKind::Failed, reason)
    }

    fn reason(kind: EndKind, reason: &str) -> Self {
        Self { kind, pairs: vec![("reason".to_owned(), reason.to_owned())] }
    }
}

/// Formats the section without a final line feed.
impl fmt::Display for EndSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.kind.name())?;
        self.pairs.iter().try_for_each(|(name, value)| write!(f, "\n{name}: {value}"))
    }
}
