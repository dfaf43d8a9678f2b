//! The page that leaves: a guest's reply after validation, or one of the host's own, in the same cage.

mod content;
mod error;
mod fields;
mod policy;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

pub use error::ReplyError;
pub use policy::{PageGrant, PageGrantError, PageGrants};

use crate::limits::{Limit, LimitError, Limits, bytes};
use crate::outcome::Outcome;

/// What hyper sends.
pub type Page = Response<Full<Bytes>>;

/// What the host does once the page has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Keep listening.
    Pending,
    /// The flow is complete.
    Done(Outcome),
}

/// A guest's answer that the host agrees to send.
#[derive(Debug)]
pub struct Reply {
    /// The page, with the host's security headers.
    pub page: Page,
    /// The length of its body in bytes.
    pub bytes: usize,
    /// What to do after sending it.
    pub disposition: Disposition,
}

/// A guest's answer as it came out of the sandbox.
pub struct RawReply {
    /// The status code.
    pub status: u16,
    /// Header fields, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// What to do after sending it.
    pub disposition: Disposition,
}

/// What a reply is held to.
#[derive(Debug)]
pub struct Cage<'a> {
    /// The authority that the request named: where a redirect may lead.
    pub authority: &'a str,
    /// How large the reply may be.
    pub limits: &'a Limits,
    /// What its page may do.
    pub grants: &'a PageGrants,
}

impl Reply {
    /// Validate what a guest returned; nothing of it has been sent yet.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn validate(raw: RawReply, cage: &Cage<'_>) -> Result<Self, ReplyError> {
        let status = status(&raw)?;
        if raw.body.len() > bytes(cage.limits.reply) {
            return Err(LimitError::new(Limit::Reply, cage.limits).into());
        }
        let mut headers = fields::validate(raw.headers, cage)?;
        if let Some(content_type) = content::validate(&headers, &raw.body, cage.grants)? {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if let Disposition::Done(outcome) = &raw.disposition {
            check_outcome(outcome)?;
        }
        let bytes = raw.body.len();
        let mut page = Response::new(Full::new(Bytes::from(raw.body)));
        *page.status_mut() = status;
        *page.headers_mut() = headers;
        policy::cage(page.headers_mut(), cage.grants);
        Ok(Self { page, bytes, disposition: raw.disposition })
    }
}

fn status(raw: &RawReply) -> Result<StatusCode, ReplyError> {
    let status = StatusCode::from_u16(raw.status)
        .ok()
        .filter(|_| (200..=599).contains(&raw.status))
        .ok_or(ReplyError::Status(raw.status))?;
    let bodyless = matches!(raw.status, 204 | 205 | 304);
    match bodyless && !raw.body.is_empty() {
        true => Err(ReplyError::BodyNotAllowed(raw.status, raw.body.len())),
        false => Ok(status),
    }
}

fn check_outcome(outcome: &Outcome) -> Result<(), ReplyError> {
    let mut seen = std::collections::HashSet::new();
    for (name, value) in outcome.fields() {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ReplyError::OutcomeName(shown(name)));
        }
        if !seen.insert(name) {
            return Err(ReplyError::OutcomeTwice(shown(name)));
        }
        if value.contains('\0') {
            return Err(ReplyError::OutcomeValue(shown(name)));
        }
    }
    Ok(())
}

/// A guest's word, for a message: whole, since a secret in it is found only then. It is made fit to be read by
/// [`ReplyError::map_words`].
fn shown(word: &str) -> String {
    word.to_owned()
}

/// A page of the host's own: a heading and a sentence, both plain text of ours.
pub fn plain(status: StatusCode, heading: &str, sentence: &str) -> Page {
    let body = format!(include_str!("plain.html"), heading = heading, sentence = sentence);
    let mut page = Response::new(Full::new(Bytes::from(body)));
    *page.status_mut() = status;
    page.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    policy::cage(page.headers_mut(), &PageGrants::default());
    page
}

/// The page where a guest failed.
pub fn failure() -> Page {
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong",
        "The program that answers here failed. Its terminal says why; the sign-in is still waiting.",
    )
}
