//! A guest that exchanges the code for a token (RFC 6749, section 4.1.3), with PKCE if the authorization URL used it.
//!
//! It never sees the client secret, the verifier or the token: the host keeps them, and the guest holds handles.
//!
//! The configuration must contain `client_id` and `token_endpoint`, and the endpoint must be granted. If the provider
//! requires a client secret, it is the secret `client_secret`. On success, the outcome contains `access_token`, and
//! `expires_at` in seconds since 1970 if the provider reports a lifetime.

use curtaincall_guest::{Guest, Reply, Request, Response, escape};
use wasip2::clocks::wall_clock;

use bindings::curtaincall::callback::exchange::{
    self, Body, Credentials, Leaf, Method, Parameter, Value,
};
use bindings::curtaincall::callback::{secrets, session};
use bindings::wasi::config::store;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package curtaincall:exchange;
            world imports {
                import curtaincall:callback/session@0.1.0;
                import curtaincall:callback/secrets@0.1.0;
                import curtaincall:callback/exchange@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        path: "../../wit",
        generate_all,
    });
}

struct Exchange;

impl Guest for Exchange {
    fn handle(request: Request) -> Reply {
        if let Some(error) = request.parameter("error") {
            return failed(&error, request.parameter("error_description").as_deref());
        }
        let Some(code) = request.parameter("code") else {
            return Reply::pending(page(400, "Nothing yet", "There is no code in this request."));
        };
        match token(&code) {
            Ok(values) => Reply::success(page(200, "Signed in", "You can close this tab."), values),
            Err(why) => failed("token_request_failed", Some(&why)),
        }
    }
}

curtaincall_guest::export!(Exchange);

/// Exchange `code`, and hand the token over. Returns the other values of the outcome. An error is a sentence for a
/// person.
fn token(code: &str) -> Result<Vec<(&'static str, String)>, String> {
    let (verifier, client_secret) = (secrets::code_verifier(), secrets::get("client_secret"));
    let text = |name, text| parameter(name, Value::Text(text));
    let mut form = vec![
        text("grant_type", "authorization_code".to_owned()),
        text("code", code.to_owned()),
        text("redirect_uri", session::redirect_uri()),
        text("client_id", configured("client_id")?),
        parameter("code_verifier", Value::Secret(&verifier)),
    ];
    if let Some(client_secret) = &client_secret {
        form.push(parameter("client_secret", Value::Secret(client_secret)));
    }
    let url = configured("token_endpoint")?;
    let request = exchange::Request {
        method: Method::Post,
        url: url.clone(),
        query: Vec::new(),
        headers: Vec::new(),
        credentials: Credentials::None,
        body: Body::Form(form),
    };
    let answer = exchange::send(&request)
        .map_err(|error| format!("`{url}` gave no answer. {}", error.message()))?;
    match (answer.status(), answer.get("/access_token"), answer.get("/error")) {
        (200, Some(Leaf::Secret(token)), _) => token
            .hand_over("access_token")
            .map_err(|error| format!("The token is not in the outcome. {}", error.message()))?,
        (_, _, Some(Leaf::Text(error))) => return Err(format!("The provider answered `{error}`.")),
        (status, ..) => return Err(format!("The provider answered {status} without a token.")),
    }
    let lifetime = match answer.get("/expires_in") {
        Some(Leaf::Number(seconds)) => u64::try_from(seconds).ok(),
        _ => None,
    };
    let expires = lifetime.map(|seconds| wall_clock::now().seconds.saturating_add(seconds));
    Ok(expires.map(|at| ("expires_at", at.to_string())).into_iter().collect())
}

fn parameter<'a>(name: &str, value: Value<'a>) -> Parameter<'a> {
    Parameter { name: name.to_owned(), value }
}

/// A value of the configuration.
fn configured(name: &str) -> Result<String, String> {
    let value = store::get(name);
    let value = value.map_err(|error| format!("The configuration cannot be read: {error:?}"))?;
    value.ok_or_else(|| format!("`{name}` is not configured."))
}

fn failed(error: &str, description: Option<&str>) -> Reply {
    Reply::failure(page(200, "Not signed in", description.unwrap_or(error)), error, description)
}

fn page(status: u16, title: &str, text: &str) -> Response {
    let body =
        format!("<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{}\n", escape(text));
    Response::html(body).status(status)
}
