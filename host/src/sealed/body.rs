//! The query and the body of a request. The host does all of the encoding.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::map::{Entry, Map};

use super::permit::Permit;
use super::{ExchangeError, Value};
use crate::grants::pointer;

/// The depth limit on a JSON body.
const DEPTH: usize = 16;

/// The body of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    None,
    /// `application/x-www-form-urlencoded`: names and values.
    Form(Vec<(String, Value)>),
    /// `application/json`: an object, as JSON Pointers (RFC 6901) and the values there.
    Json(Vec<(String, JsonValue)>),
}

/// A scalar of a JSON body.
#[derive(Debug, Clone)]
pub enum JsonValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Number(i64),
    /// A string.
    Text(Value),
}

impl Body {
    /// The content type, and the bytes. `names` are those of parameters in the query.
    pub(super) fn build(
        &self,
        names: &mut HashSet<String>,
        permit: &mut Permit<'_>,
    ) -> Result<Option<(&'static str, Bytes)>, ExchangeError> {
        match self {
            Self::None => Ok(None),
            Self::Form(fields) => {
                let form = parameters(fields, names, permit)?;
                Ok(Some(("application/x-www-form-urlencoded", form.into())))
            }
            Self::Json(members) => {
                let json = serde_json::Value::Object(object(members, permit)?);
                Ok(Some(("application/json", json.to_string().into())))
            }
        }
    }
}

/// Encodes the parameters of a query or a form. A name that is in `names` already is an error, because servers differ
/// in which of the values they take (RFC 6749, section 3.2).
pub(super) fn parameters(
    parameters: &[(String, Value)],
    names: &mut HashSet<String>,
    permit: &mut Permit<'_>,
) -> Result<String, ExchangeError> {
    let mut pairs = Vec::with_capacity(parameters.len());
    for (name, value) in parameters {
        if name.is_empty() || !names.insert(name.clone()) {
            return Err(ExchangeError::InvalidRequest);
        }
        let encoded = permit.count(form_encoded(name));
        let value = permit.place(name, value, form_encoded)?;
        pairs.push(format!("{encoded}={value}"));
        permit.count("=&");
    }
    Ok(pairs.join("&"))
}

/// Encodes `text` for a form (the URL standard, section 5.2).
pub(super) fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Builds nested objects. The name of a value is the last part of its pointer.
fn object(
    members: &[(String, JsonValue)],
    permit: &mut Permit<'_>,
) -> Result<Map<String, serde_json::Value>, ExchangeError> {
    let mut root = Map::new();
    for (pointer, value) in members {
        permit.count(pointer);
        let path = pointer::parse(pointer).filter(|path| path.len() <= DEPTH);
        let mut parents = path.ok_or(ExchangeError::InvalidRequest)?;
        let name = parents.pop().ok_or(ExchangeError::InvalidRequest)?;
        let value = scalar(&name, value, permit)?;
        let mut object = &mut root;
        for parent in parents {
            let inner = object.entry(parent).or_insert_with(|| Map::new().into());
            object = inner.as_object_mut().ok_or(ExchangeError::InvalidRequest)?;
        }
        match object.entry(name) {
            Entry::Vacant(place) => place.insert(value),
            Entry::Occupied(_) => return Err(ExchangeError::InvalidRequest),
        };
    }
    Ok(root)
}

fn scalar(
    name: &str,
    value: &JsonValue,
    permit: &mut Permit<'_>,
) -> Result<serde_json::Value, ExchangeError> {
    Ok(match value {
        JsonValue::Null => serde_json::Value::Null,
        JsonValue::Boolean(truth) => (*truth).into(),
        JsonValue::Number(number) => (*number).into(),
        JsonValue::Text(value) => permit.place(name, value, str::to_owned)?.into(),
    })
}
