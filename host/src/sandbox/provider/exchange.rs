//! `exchange`: requests with secrets in them.

use bytes::Bytes;
use http::Response;
use wasmtime::Result;
use wasmtime::component::{Resource, ResourceTable};

use crate::grants::location::Location;
use crate::sandbox::Surroundings;
use crate::sandbox::bindings::exchange;
use crate::sandbox::heap::Heap;
use crate::sandbox::state::CallState;
use crate::sealed::{
    ANSWER_MEMORY, Answer, Body, Credentials, Draft, ExchangeError, Held, JsonValue, Leaf, Method,
    Prepared, Value,
};

impl exchange::Host for CallState {
    fn declare(&mut self, url: String, has_secret: bool) -> Result<()> {
        let grants = &self.surroundings.provider.grants;
        let is_granted = Location::parse(&url).is_ok_and(|location| {
            grants.endpoint(&location.url).is_some()
                || (!has_secret && grants.may_read(&location.url))
        });
        if !is_granted {
            self.outgoing.problems.not_granted(&url);
        }
        Ok(())
    }

    async fn send(
        &mut self,
        request: exchange::Request,
    ) -> Result<Result<Resource<Answer>, exchange::Error>> {
        let draft = draft(&self.table, request)?;
        let start = Heap::now();
        let answer = match self.answer(&draft).await {
            Ok(answer) => answer,
            Err(error) => {
                self.account.settle(start, 0);
                return Ok(Err(error.into()));
            }
        };
        let is_sealed = answer.is_sealed();
        let answer = self.table.push(answer)?;
        if is_sealed {
            self.account.settle(start, ANSWER_MEMORY.cast_signed());
        }
        Ok(Ok(answer))
    }
}

impl CallState {
    async fn answer(&mut self, draft: &Draft) -> Result<Answer, ExchangeError> {
        let url = &draft.url;
        // An answer to such a request is useless if it is sealed.
        let wanted = if draft.is_plain_get() { origin(url) } else { url.clone() };
        let (prepared, response) = self.exchange(draft, &wanted).await?;
        let answer = self.read_with(url, |context| prepared.answer(response, context));
        answer.inspect_err(|error| self.outgoing.problems.failed(url, error))
    }

    /// Sends a request, within the limits of this call. If it is not granted, the person learns that `wanted` has to be.
    pub(super) async fn exchange(
        &mut self,
        draft: &Draft,
        wanted: &str,
    ) -> Result<(Prepared, Response<Bytes>), ExchangeError> {
        let Surroundings { provider, .. } = &self.surroundings;
        let mut prepared = draft.build(&provider.grants).inspect_err(|error| match error {
            ExchangeError::NotGranted => self.outgoing.problems.not_granted(wanted),
            error => self.outgoing.problems.failed(&draft.url, error),
        })?;
        self.outgoing.count_request(prepared.cost).map_err(|_| ExchangeError::Limit)?;
        prepared.confide(&provider.vault);
        let request = std::mem::take(&mut prepared.request);
        let response = provider.network.send(request).await?;
        let cost = prepared.answer_cost(response.body().len());
        self.outgoing.count_data(cost).map_err(|_| ExchangeError::Limit)?;
        Ok((prepared, response))
    }
}

/// Returns the origin of `url`, or the whole text if it is not a URL.
fn origin(url: &str) -> String {
    let parsed = Location::parse(url).ok();
    parsed.map_or_else(|| url.to_owned(), |location| location.url.origin().ascii_serialization())
}

impl exchange::HostAnswer for CallState {
    fn status(&mut self, answer: Resource<Answer>) -> Result<u16> {
        Ok(self.table.get(&answer)?.status())
    }

    fn get(&mut self, answer: Resource<Answer>, pointer: String) -> Result<Option<exchange::Leaf>> {
        let Some(leaf) = self.table.get(&answer)?.get(&pointer) else { return Ok(None) };
        Ok(Some(match leaf {
            Leaf::Null => exchange::Leaf::Null,
            Leaf::Boolean(value) => exchange::Leaf::Boolean(value),
            Leaf::Number(value) => exchange::Leaf::Number(value),
            Leaf::Text(text) => exchange::Leaf::Text(text),
            Leaf::Secret(held) => exchange::Leaf::Secret(self.table.push(held)?),
            Leaf::Items(count) => exchange::Leaf::Items(count),
            Leaf::Object => exchange::Leaf::Object,
        }))
    }

    fn drop(&mut self, answer: Resource<Answer>) -> Result<()> {
        let start = Heap::now();
        let answer = self.table.delete(answer)?;
        let is_sealed = answer.is_sealed();
        drop(answer);
        if is_sealed {
            self.account.settle(start, -ANSWER_MEMORY.cast_signed());
        }
        Ok(())
    }
}

impl From<ExchangeError> for exchange::Error {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::NotGranted => Self::NotGranted,
            ExchangeError::NotAllowedThere(_) => Self::NotAllowedThere,
            ExchangeError::InvalidRequest => Self::InvalidRequest,
            ExchangeError::Address => Self::Address,
            ExchangeError::Connection => Self::Connection,
            ExchangeError::Tls => Self::Tls,
            ExchangeError::Timeout => Self::Timeout,
            ExchangeError::Redirect => Self::Redirect,
            ExchangeError::NotUnderstood => Self::NotUnderstood,
            ExchangeError::Limit => Self::Limit,
        }
    }
}

/// Returns the request with the secrets that its handles stand for.
fn draft(table: &ResourceTable, request: exchange::Request) -> Result<Draft> {
    let exchange::Request { method, url, query, headers, credentials, body } = request;
    let query = parameters(table, query)?;
    Ok(Draft {
        method: match method {
            exchange::Method::Get => Method::Get,
            exchange::Method::Post => Method::Post,
        },
        url,
        query,
        headers,
        credentials: match credentials {
            exchange::Credentials::None => Credentials::None,
            exchange::Credentials::Basic(basic) => Credentials::Basic {
                username: value(table, basic.username)?,
                password: value(table, basic.password)?,
                form_encoded: basic.form_encoded,
            },
            exchange::Credentials::Bearer(secret) => Credentials::Bearer(held(table, &secret)?),
        },
        body: match body {
            exchange::Body::None => Body::None,
            exchange::Body::Form(form) => Body::Form(parameters(table, form)?),
            exchange::Body::Json(members) => Body::Json(
                members
                    .into_iter()
                    .map(|member| Ok((member.pointer, json_value(table, member.value)?)))
                    .collect::<Result<_>>()?,
            ),
        },
    })
}

fn parameters(
    table: &ResourceTable,
    parameters: Vec<exchange::Parameter>,
) -> Result<Vec<(String, Value)>> {
    let parameters = parameters.into_iter();
    parameters.map(|parameter| Ok((parameter.name, value(table, parameter.value)?))).collect()
}

fn json_value(table: &ResourceTable, json: exchange::JsonValue) -> Result<JsonValue> {
    Ok(match json {
        exchange::JsonValue::Null => JsonValue::Null,
        exchange::JsonValue::Boolean(boolean) => JsonValue::Boolean(boolean),
        exchange::JsonValue::Number(number) => JsonValue::Number(number),
        exchange::JsonValue::Text(text) => JsonValue::Text(value(table, text)?),
    })
}

fn value(table: &ResourceTable, value: exchange::Value) -> Result<Value> {
    Ok(match value {
        exchange::Value::Text(text) => Value::Text(text),
        exchange::Value::Secret(secret) => Value::Secret(held(table, &secret)?),
    })
}

fn held(table: &ResourceTable, secret: &Resource<Held>) -> Result<Held> {
    Ok(table.get(secret)?.clone())
}
