//! Why a sign-in failed, in words for a person.

use std::fmt;

use super::{exchange, secrets};
use crate::{Failure, Reply, page};

/// Why a sign-in failed. The display form is a sentence for a person, with names and URLs between backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The provider refused, in the callback or in its answer: the code, such as `access_denied` (RFC 6749, sections
    /// 4.1.2.1 and 5.2), and the provider's own description.
    Refused(String, Option<String>),
    /// The provider refused with this status, and without a code that the guest can read.
    Status(u16),
    /// The request to this URL has no answer, for the host's reason.
    NoAnswer(String, exchange::Error),
    /// The answer contains no secret with this name.
    Missing(String),
    /// The value with this name is not in the outcome, for the host's reason.
    NotHandedOver(String, secrets::HandOverError),
    /// The configuration contains no value with this name.
    NotConfigured(String),
    /// A reason of the guest's own: a short code for programs, and a sentence for a person.
    Other(String, String),
}

impl Error {
    /// The code for programs, and sentences for a person: what happened, and what to do.
    fn parts(&self) -> (String, String, &'static str) {
        const START_OVER: &str = "Start over in the program.";
        const AUTHOR: &str = "Ask the author of this guest.";
        let (code, what, next) = match self {
            Self::Refused(code, _) => {
                let (what, next) = match code.as_str() {
                    "access_denied" => {
                        ("You or your organization did not grant access", START_OVER)
                    }
                    "invalid_grant" => {
                        ("The code of this sign-in has expired, or was used before", START_OVER)
                    }
                    "invalid_client" | "unauthorized_client" => {
                        ("The provider does not accept this client", "Check the client secret.")
                    }
                    _ => ("The provider refused the sign-in", START_OVER),
                };
                (code.as_str(), format!("{what} (`{code}`)."), next)
            }
            Self::Status(status) => {
                let what = format!("The provider refused the code with status {status}.");
                ("provider_error", what, "Check the client secret, then start over in the program.")
            }
            Self::NoAnswer(url, why) => {
                let what = format!("The request to `{url}` failed. {}", why.message());
                ("no_answer", what, START_OVER)
            }
            Self::Missing(name) => {
                ("incomplete_answer", format!("The provider did not send `{name}`."), AUTHOR)
            }
            Self::NotHandedOver(name, why) => {
                let what = format!("`{name}` is not in the outcome. {}", why.message());
                ("not_handed_over", what, AUTHOR)
            }
            Self::NotConfigured(name) => {
                let what = format!("`{name}` is not configured.");
                ("not_configured", what, "Add it to the configuration.")
            }
            Self::Other(code, what) => (code.as_str(), what.clone(), START_OVER),
        };
        // The host's reasons may have several lines.
        (code.to_owned(), what.replace('\n', " "), next)
    }

    /// The provider's own description.
    fn quote(&self) -> Option<&str> {
        match self {
            Self::Refused(_, description) => description.as_deref(),
            _ => None,
        }
    }

    pub(super) fn into_reply(self) -> Reply {
        let (code, what, next) = self.parts();
        let next = format!("{next} You can close this tab.");
        let page = page::failed(&code, &page::marked(&what), self.quote(), &next);
        Reply::failure(page, &code, self.quote().or(Some(&what)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().1)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, what, _) = error.parts();
        let description = error.quote().map_or(what, str::to_owned);
        Self { error: code, description: Some(description) }
    }
}
