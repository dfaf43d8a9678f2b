//! The replies that the host sends: a guest's validated reply, or one of the host's own pages.

mod content;
mod error;
mod fields;
mod grants;
mod page;
mod policy;

use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

pub use error::ReplyError;
pub use grants::{PAGE_GRANTS, PageGrant, PageGrantError, PageGrants, page_grant_names};
pub use page::{CheckedPage, PageError, Slip, StyleError, check_page};

use crate::limits::{Limit, LimitError, Limits, bytes};
use crate::outcome::{Failure, Outcome, is_reserved, is_valid_name, variable};

/// A response that hyper sends.
pub type Page = Response<Full<Bytes>>;

/// What the host does after it has sent the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Keep listening.
    Pending,
    /// The flow is complete.
    Done(Outcome),
}

/// A guest's reply that passed validation.
#[derive(Debug)]
pub struct Reply {
    /// The page, with the host's security headers.
    pub page: Page,
    /// The length of its body in bytes.
    pub bytes: usize,
    /// What to do after sending it.
    pub disposition: Disposition,
    /// The places where the guest's HTML is not valid. The host sends the page as browsers repair it.
    pub slips: Vec<Slip>,
}

impl Reply {
    /// Returns whether the reply shows a page: it is not a redirect, and its status allows one.
    pub fn has_page(&self) -> bool {
        let status = self.page.status();
        !status.is_redirection()
            && !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
    }
}

/// A guest's reply before validation.
pub struct RawReply {
    /// The status code.
    pub status: u16,
    /// Header fields, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Bytes,
    /// What to do after sending it.
    pub disposition: Disposition,
}

/// The cage of one reply: what its page may do in the browser, where redirects may lead, and how large it may be.
pub struct Cage<'a> {
    /// The origin of the listener, such as `http://127.0.0.1:43117`. Redirects and forms may lead there.
    pub origin: &'a str,
    /// The limits on the size of the reply.
    pub limits: &'a Limits,
    /// The grants for its page.
    pub grants: &'a PageGrants,
    /// Whether a browser tab navigated here, and shows the reply.
    pub is_navigation: bool,
    /// Fails if the guest has reached a limit on time or memory, towards which the check of its page counts.
    pub check_limits: &'a dyn Fn() -> Result<(), LimitError>,
}

impl Reply {
    /// Validates a guest's reply. No part of it has been sent yet.
    ///
    /// # Errors
    /// Returns the first problem.
    pub fn validate(raw: RawReply, cage: &Cage<'_>) -> Result<Self, ReplyError> {
        let status = status(&raw)?;
        if raw.body.len() > bytes(cage.limits.reply) {
            return Err(LimitError::new(Limit::Reply, cage.limits).into());
        }
        let mut headers = fields::validate(raw.headers, cage)?;
        let content = content::validate(&headers, raw.body, cage)?;
        if let Some(content_type) = content.content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if let Disposition::Done(outcome) = &raw.disposition {
            check_outcome(outcome)?;
        }
        let bytes = content.body.len();
        let mut page = Response::new(Full::new(content.body));
        *page.status_mut() = status;
        *page.headers_mut() = headers;
        policy::cage(page.headers_mut(), cage.grants);
        Ok(Self { page, bytes, disposition: raw.disposition, slips: content.slips })
    }
}

fn status(raw: &RawReply) -> Result<StatusCode, ReplyError> {
    let status = StatusCode::from_u16(raw.status)
        .ok()
        .filter(|_| (200..=599).contains(&raw.status))
        .ok_or(ReplyError::Status(raw.status))?;
    let bodyless = matches!(raw.status, 204 | 205 | 304);
    if bodyless && !raw.body.is_empty() {
        Err(ReplyError::BodyNotAllowed(raw.status, raw.body.len()))
    } else {
        Ok(status)
    }
}

/// Checks a failure with which an authorizer ends a flow, by the same rules as a failure in a reply.
pub(crate) fn check_failure(failure: &Failure) -> Result<(), ReplyError> {
    check_outcome(&Outcome::Failure(failure.clone()))
}

/// Checks the names and values of an outcome. The rules are the same for every output format, because a guest does not
/// know the format.
fn check_outcome(outcome: &Outcome) -> Result<(), ReplyError> {
    let is_success = matches!(outcome, Outcome::Success(_));
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (name, value) in outcome.fields() {
        if !is_valid_name(name) {
            return Err(ReplyError::OutcomeName(name.to_owned()));
        }
        if is_success && is_reserved(name) {
            return Err(ReplyError::OutcomeReserved(name.to_owned()));
        }
        match seen.insert(variable(name), name) {
            Some(known) if known == name => return Err(ReplyError::OutcomeTwice(name.to_owned())),
            Some(known) => return Err(ReplyError::OutcomeAlike(known.to_owned(), name.to_owned())),
            None => {}
        }
        if value.contains('\0') {
            return Err(ReplyError::OutcomeValue(name.to_owned()));
        }
    }
    Ok(())
}

/// Creates one of the host's own pages, with a heading and a sentence. Neither is escaped, so both must be constant
/// texts.
pub fn plain(status: StatusCode, heading: &str, sentence: &str) -> Page {
    let body = format!(include_str!("plain.html"), heading = heading, sentence = sentence);
    let mut page = Response::new(Full::new(Bytes::from(body)));
    *page.status_mut() = status;
    page.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    policy::cage(page.headers_mut(), &PageGrants::default());
    page
}

/// Creates a redirect to the last page at `path`. Its text also states the result, for clients that do not follow
/// redirects.
pub fn moved(path: &str, outcome: &Outcome) -> Page {
    let (heading, sentence) = match outcome {
        Outcome::Success(_) => ("Done", "The result was passed to the program that asked for it."),
        Outcome::Failure(_) => ("Not signed in", "The program that asked knows the reason."),
    };
    let mut page =
        plain(StatusCode::SEE_OTHER, heading, &format!("{sentence} You can close this tab."));
    // Browsers read a path that begins with two slashes as a host.
    let path = if path.starts_with("//") { format!("/.{path}") } else { path.to_owned() };
    if let Ok(path) = HeaderValue::from_str(&path) {
        page.headers_mut().insert(header::LOCATION, path);
    }
    page
}

/// Creates a redirect to the authorization URL. Returns `None` if the URL is not a valid header field value.
pub fn authorize(url: &str) -> Option<Page> {
    let mut page =
        plain(StatusCode::SEE_OTHER, "Sign in", "Your browser continues to the sign-in.");
    page.headers_mut().insert(header::LOCATION, HeaderValue::from_str(url).ok()?);
    Some(page)
}

/// Creates the page for a request whose guest call failed.
pub fn guest_failed_page() -> Page {
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong",
        "The program that handles this sign-in failed. Its terminal shows the reason. The sign-in is still waiting.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Format, render};

    fn success(names: &[&str]) -> Outcome {
        Outcome::Success(names.iter().map(|name| (name.to_string(), "x".to_owned())).collect())
    }

    #[test]
    fn a_guest_cannot_use_a_reserved_name_in_any_spelling() {
        for name in ["code_verifier", "Code-Verifier", "NONCE", "redirect.uri", "error"] {
            let checked = check_outcome(&success(&["code", name]));
            assert_eq!(checked, Err(ReplyError::OutcomeReserved(name.to_owned())));
        }
        // A failure has two of these names.
        let failure = |error: &str| {
            Outcome::Failure(Failure { error: error.to_owned(), description: Some("No.".into()) })
        };
        assert_eq!(check_outcome(&failure("access_denied")), Ok(()));
        let checked = check_outcome(&failure("a\0b"));
        assert_eq!(checked, Err(ReplyError::OutcomeValue("error".to_owned())));
    }

    #[test]
    fn names_that_become_one_shell_variable_are_refused() {
        for (first, second) in [("code", "Code"), ("co-de", "co_de"), ("\u{e9}", "\u{fc}")] {
            let checked = check_outcome(&success(&[first, second]));
            assert_eq!(checked, Err(ReplyError::OutcomeAlike(first.into(), second.into())));
            // The counter-check: a shell would see only the second value.
            let env = render(&success(&[first, second]), Format::Env);
            let lines: Vec<_> = env.lines().collect();
            assert_eq!(lines[0], lines[1]);
        }
        assert_eq!(check_outcome(&success(&["code", "code"])), {
            Err(ReplyError::OutcomeTwice("code".to_owned()))
        });
        assert_eq!(check_outcome(&success(&["code", "co_de", "iss"])), Ok(()));
    }
}
