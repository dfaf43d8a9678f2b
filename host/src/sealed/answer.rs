//! The answer to a request.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};

use super::draft::Prepared;
use super::json::{self, Node};
use super::place::Place;
use super::vault::{Plausible, Vault};
use super::word::{Rules, Trust, is_short_number, is_time, is_token};
use super::{ANSWER_LIMIT, ExchangeError, Held, Provenance, SECRET_LIMIT, form};
use crate::grants::pointer;
use crate::session::Secret;

/// What came back. `Debug` does not show the content.
pub struct Answer {
    status: StatusCode,
    /// The values, or `None` if the body of an error is not understood.
    root: Option<Node>,
    seal: Option<Seal>,
}

/// What a run knows when an answer arrives.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The words that the guest itself asked for, and may therefore read in `scope`.
    pub scopes: &'a [String],
    /// The granted secrets, and the verifier.
    pub granted: &'a [&'a Secret],
    /// The tokens of the run, and whether a provider has repeated a secret.
    pub vault: &'a Vault,
}

/// What protects a sealed answer.
struct Seal {
    rules: Rules,
    /// While it is sealed, the guest reads only values that it knows anyway.
    vault: Vault,
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
    /// Reads the response. Searches it for the secrets of the run, if it is sealed.
    ///
    /// A body that is not understood has no values, because servers also answer errors with a web page. In a successful
    /// response it is an error.
    ///
    /// # Errors
    /// Fails if the response is a redirect, too large, or successful and not understood.
    pub fn answer(
        &self,
        response: Response<Bytes>,
        context: &Context<'_>,
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
                let rules = Rules::new(endpoint.clone(), context.scopes);
                Some(Seal::new(rules, root.as_ref(), context)?)
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
    fn new(
        rules: Rules,
        root: Option<&Node>,
        context: &Context<'_>,
    ) -> Result<Self, ExchangeError> {
        let (mut plausible, mut tokens, mut is_too_long) = (Vec::new(), Vec::new(), false);
        if let Some(root) = root {
            root.each_leaf(&mut |path, place, node| {
                let (Node::Text(text) | Node::Number(text)) = node else { return };
                is_too_long |= text.len() > SECRET_LIMIT;
                match rules.trust(path, place, node) {
                    trust @ (Trust::Code | Trust::Listed) => {
                        plausible.push(Plausible { text, is_code: trust == Trust::Code });
                    }
                    Trust::Secret if place.name.is_some_and(is_token) => {
                        tokens.push(Secret::from(Arc::clone(text)));
                    }
                    Trust::Known | Trust::Secret => {}
                }
            });
        }
        if is_too_long {
            return Err(ExchangeError::Limit);
        }
        let vault = context.vault;
        tokens.iter().for_each(|token| vault.keep_issued(token));
        vault.search(&plausible, context.granted);
        Ok(Self { rules, vault: vault.clone() })
    }

    fn may_read(&self, path: &[String], place: Place<'_>, node: &Node) -> bool {
        match self.rules.trust(path, place, node) {
            Trust::Known => true,
            Trust::Code | Trust::Listed => self.vault.sealed().is_none(),
            Trust::Secret => false,
        }
    }
}

impl Answer {
    /// Whether the guest can read only what cannot be a secret.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// The status code. In a sealed answer, an unregistered code reads as the first code of its class, such as 400.
    pub fn status(&self) -> u16 {
        let code = self.status.as_u16();
        let is_readable = self.seal.is_none() || self.status.canonical_reason().is_some();
        if is_readable { code } else { code / 100 * 100 }
    }

    /// The value at a JSON Pointer (RFC 6901). In a form, `/NAME` is the value of that name.
    pub fn get(&self, pointer: &str) -> Option<Leaf> {
        let path = pointer::parse(pointer)?;
        let (place, node) = self.root.as_ref()?.find(&path)?;
        let text = match node {
            Node::Null => return Some(Leaf::Null),
            Node::Boolean(truth) => return Some(Leaf::Boolean(*truth)),
            Node::Items(items) => return Some(Leaf::Items(items.len() as u32)),
            Node::Object(_) => return Some(Leaf::Object),
            Node::Number(text) | Node::Text(text) => text,
        };
        match &self.seal {
            Some(seal) if !seal.may_read(&path, place, node) => {
                let is_id_token = path.last().is_some_and(|name| name == "id_token");
                let id_token = is_id_token && self.status.is_success();
                // `Seal::new` refuses an answer with a value that is too long.
                let held = Held::new(Arc::clone(text).into(), Provenance::Answer { id_token });
                held.ok().map(Leaf::Secret)
            }
            seal => {
                let is_time = path.last().is_some_and(|name| is_time(name));
                let is_number = matches!(node, Node::Number(_))
                    // Some providers write `expires_in` as a string.
                    || (seal.is_some() && is_time && is_short_number(text));
                let number = text.parse().ok().filter(|_| is_number);
                Some(number.map_or_else(|| Leaf::Text(text.to_string()), Leaf::Number))
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status()).finish_non_exhaustive()
    }
}
