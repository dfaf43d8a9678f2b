//! The contract of `wit/`, as wasmtime generates it.

use super::{Authorization, Request};
use crate::outcome::{Failure, Outcome};
use crate::reply::{Disposition, RawReply};

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "curtaincall:callback/provider",
        exports: { default: async },
    });
}

/// `wasi:config`, which has no version 0.2.0 yet.
mod wasi {
    wasmtime::component::bindgen!({
        path: "wit/deps/config",
        world: "wasi:config/imports",
    });
}

pub(super) use generated::curtaincall::callback::{session, types};
pub(super) use generated::exports::curtaincall::callback::{authorizer, handler};
pub(super) use wasi::wasi::config;

impl From<Request> for types::Request {
    fn from(request: Request) -> Self {
        let Request { method, path_with_query, authority, headers, body } = request;
        Self { method, path_with_query, authority, headers, body }
    }
}

impl From<types::Reply> for RawReply {
    fn from(reply: types::Reply) -> Self {
        Self {
            status: reply.response.status_code,
            headers: reply.response.headers,
            body: reply.response.body,
            disposition: match reply.disposition {
                types::Disposition::Pending => Disposition::Pending,
                types::Disposition::Done(outcome) => Disposition::Done(outcome.into()),
            },
        }
    }
}

impl From<types::Outcome> for Outcome {
    fn from(outcome: types::Outcome) -> Self {
        match outcome {
            types::Outcome::Success(values) => Self::Success(values),
            types::Outcome::Failure(failure) => Self::Failure(failure.into()),
        }
    }
}

impl From<authorizer::Authorization> for Authorization {
    fn from(authorization: authorizer::Authorization) -> Self {
        Self { url: authorization.url, issuer: authorization.issuer }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self { error: failure.error, description: failure.description }
    }
}
