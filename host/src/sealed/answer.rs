//! The answer to a request.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};

use super::draft::Prepared;
use super::echo::repeats;
use super::json::{self, Node};
use super::word::{Rules, Trust, is_short_number, is_time};
use super::{ANSWER_LIMIT, ExchangeError, Held, Provenance, SECRET_LIMIT, form};
use crate::grants::pointer;

/// What came back. `Debug` does not show the content.
pub struct Answer {
    status: StatusCode,
    /// The values, or `None` if the body of an error is not understood.
    root: Option<Node>,
    seal: Option<Seal>,
}

/// What protects a sealed answer.
struct Seal {
    rules: Rules,
    /// Whether a value that looks readable contains a part of a secret that was sent.
    ///
    /// If one does, the guest can read none of them. It learns at most this one bit, however many values there are.
    echoes: bool,
}

/// One value of an answer.
#[derive(Debug, Clone)]
pub enum Leaf {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Number(i64),
    /// A text that the guest may read.
    Text(String),
    /// A value that the guest may not read.
    Secret(Held),
    /// An array of this many items.
    Items(u32),
    /// An object.
    Object,
}

impl Prepared {
    /// Reads the response. `scopes` are the words that the guest itself asked for, and may therefore read in `scope`.
    ///
    /// A body that is not understood has no values, because servers also answer errors with a web page. In a successful
    /// response it is an error.
    ///
    /// # Errors
    /// Fails if the response is a redirect, too large, or successful and not understood.
    pub fn answer(
        &self,
        response: Response<Bytes>,
        scopes: &[String],
    ) -> Result<Answer, ExchangeError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(ExchangeError::Redirect);
        }
        if self.seal.is_some() && response.body().len() > ANSWER_LIMIT {
            return Err(ExchangeError::Limit);
        }
        let root = match content(&response) {
            Err(ExchangeError::NotUnderstood) if !status.is_success() => None,
            content => Some(content?),
        };
        let seal = match &self.seal {
            Some(endpoint) => {
                let rules = Rules::new(endpoint.clone(), scopes);
                Some(Seal::new(rules, root.as_ref(), self)?)
            }
            None => None,
        };
        Ok(Answer { status, root, seal })
    }
}

/// Parses the body: JSON whatever its type is, because some providers declare another, and a form.
fn content(response: &Response<Bytes>) -> Result<Node, ExchangeError> {
    let text = std::str::from_utf8(response.body()).map_err(|_| ExchangeError::NotUnderstood)?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['{', '[']) {
        return json::parse(text);
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let form = match content_type.split(';').next().unwrap_or_default().trim() {
        "application/x-www-form-urlencoded" => form::parse(text, true),
        "text/plain" => form::parse(text, false),
        _ => None,
    };
    form.ok_or(ExchangeError::NotUnderstood)
}

impl Seal {
    fn new(rules: Rules, root: Option<&Node>, request: &Prepared) -> Result<Self, ExchangeError> {
        let (mut plausible, mut is_too_long) = (Vec::new(), false);
        let mut visit = |path: &[String], node: &Node| {
            if let Node::Text(text) | Node::Number(text) = node {
                is_too_long |= text.len() > SECRET_LIMIT;
                if rules.trust(path, node) == Trust::Plausible {
                    plausible.push(text.clone());
                }
            }
        };
        if let Some(root) = root {
            root.each_leaf(&mut Vec::new(), &mut visit);
        }
        if is_too_long {
            return Err(ExchangeError::Limit);
        }
        let echoes = !plausible.is_empty() && repeats(&plausible, &request.sent);
        Ok(Self { rules, echoes })
    }

    fn may_read(&self, path: &[String], node: &Node) -> bool {
        match self.rules.trust(path, node) {
            Trust::Known => true,
            Trust::Plausible => !self.echoes,
            Trust::Secret => false,
        }
    }
}

impl Answer {
    /// The status code. In a sealed answer, an unregistered code reads as the first code of its class, such as 400.
    pub fn status(&self) -> u16 {
        let code = self.status.as_u16();
        let is_readable = self.seal.is_none() || self.status.canonical_reason().is_some();
        if is_readable { code } else { code / 100 * 100 }
    }

    /// The value at a JSON Pointer (RFC 6901). In a form, `/NAME` is the value of that name.
    pub fn get(&self, pointer: &str) -> Option<Leaf> {
        let path = pointer::parse(pointer)?;
        let node = self.root.as_ref()?.find(&path)?;
        let text = match node {
            Node::Null => return Some(Leaf::Null),
            Node::Boolean(truth) => return Some(Leaf::Boolean(*truth)),
            Node::Items(items) => return Some(Leaf::Items(items.len() as u32)),
            Node::Object(_) => return Some(Leaf::Object),
            Node::Number(text) | Node::Text(text) => text,
        };
        match &self.seal {
            Some(seal) if !seal.may_read(&path, node) => {
                let is_id_token = path.last().is_some_and(|name| name == "id_token");
                let id_token = is_id_token && self.status.is_success();
                // `Seal::new` refuses an answer with a value that is too long.
                let held = Held::new(text.clone().into(), Provenance::Answer { id_token });
                held.ok().map(Leaf::Secret)
            }
            seal => {
                let is_time = path.last().is_some_and(|name| is_time(name));
                let is_number = matches!(node, Node::Number(_))
                    // Some providers write `expires_in` as a string.
                    || (seal.is_some() && is_time && is_short_number(text));
                let number = text.parse().ok().filter(|_| is_number);
                Some(number.map_or_else(|| Leaf::Text(text.clone()), Leaf::Number))
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status()).finish_non_exhaustive()
    }
}
