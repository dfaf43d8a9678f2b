//! Which secrets may be part of a request, and the count of its bytes.

use super::{ExchangeError, Held, SECRET_LIMIT, Unlisted, Value};
use crate::grants::Endpoint;

/// The number of secrets that one request can contain.
const SECRETS: usize = 8;

/// The permission of one request to contain secrets, and the count of what it contains.
pub(super) struct Permit<'a> {
    /// The endpoint to which the request goes, or `None` if its answer can be read.
    endpoint: Option<&'a Endpoint>,
    /// The secrets in the request so far.
    sent: Vec<Held>,
    /// The bytes of the guest's own text so far, as it is sent.
    text: usize,
}

impl<'a> Permit<'a> {
    pub(super) fn new(endpoint: Option<&'a Endpoint>) -> Self {
        Self { endpoint, sent: Vec::new(), text: 0 }
    }

    /// The encoded form of `value`, which is sent under `name`.
    pub(super) fn place(
        &mut self,
        name: &str,
        value: &Value,
        encode: impl Fn(&str) -> String,
    ) -> Result<String, ExchangeError> {
        let held = match value {
            Value::Text(text) => return Ok(self.count(encode(text))),
            Value::Secret(held) => held,
        };
        // A URL that can be read may show what it was sent.
        let endpoint = self.endpoint.ok_or(ExchangeError::NotGranted)?;
        if !endpoint.secrets().iter().any(|listed| listed == name) {
            return Err(ExchangeError::NotAllowedThere(Unlisted::Secret(name.to_owned())));
        }
        if self.sent.len() == SECRETS {
            return Err(ExchangeError::InvalidRequest);
        }
        let encoded = encode(held.value().expose());
        if encoded.len() > SECRET_LIMIT {
            return Err(ExchangeError::Limit);
        }
        self.sent.push(held.clone());
        Ok(encoded)
    }

    /// Counts a part that the guest wrote.
    pub(super) fn count<T: AsRef<str>>(&mut self, text: T) -> T {
        self.text = self.text.saturating_add(text.as_ref().len());
        text
    }

    /// The bytes of the guest's own text so far.
    pub(super) fn text(&self) -> usize {
        self.text
    }

    /// The number of secrets so far.
    pub(super) fn secrets(&self) -> usize {
        self.sent.len()
    }

    /// The bytes of the request, if each secret were as long as one can be.
    pub(super) fn cost(&self) -> u64 {
        (self.text + self.sent.len() * SECRET_LIMIT) as u64
    }

    /// The secrets that the request contains.
    pub(super) fn into_sent(self) -> Vec<Held> {
        self.sent
    }
}
