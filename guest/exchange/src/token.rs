//! The token request and its answer.

use serde::Deserialize;
use wasip2::clocks::wall_clock;

use crate::bindings::curtaincall::callback::session;
use crate::{configured, required, upstream};

/// The answer to a token request (RFC 6749, sections 5.1 and 5.2).
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    /// The lifetime, in seconds.
    expires_in: Option<u64>,
    error: Option<String>,
}

/// Exchange `code` for the values of the outcome. An error is a sentence for a person.
pub(crate) fn exchange(code: &str) -> Result<Vec<(String, String)>, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &session::redirect_uri())
        .append_pair("client_id", &required("client_id")?)
        .append_pair("code_verifier", &session::code_verifier());
    if let Some(secret) = configured("client_secret")? {
        form.append_pair("client_secret", &secret);
    }
    let (status, body) = upstream::post_form(&required("token_endpoint")?, &form.finish())?;
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| format!("The provider answered {status} without JSON."))?;
    match answer {
        Answer { access_token: Some(token), expires_in, .. } if status == 200 => {
            let expires = expires_in.map(|seconds| wall_clock::now().seconds + seconds);
            let expires = expires.map(|at| ("expires_at".to_owned(), at.to_string()));
            Ok([("access_token".to_owned(), token)].into_iter().chain(expires).collect())
        }
        Answer { error: Some(error), .. } => Err(format!("The provider answered `{error}`.")),
        _ => Err(format!("The provider answered {status} without a token.")),
    }
}
