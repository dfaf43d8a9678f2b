//! A guest that exchanges the code for a token (RFC 6749, section 4.1.3), with PKCE if the authorization URL used it.
//!
//! The configuration must contain `client_id` and `token_endpoint`, and `client_secret` if the provider requires one.
//! On success, the outcome contains `access_token`, and `expires_at` in seconds since 1970 if the provider reports a
//! lifetime.

mod token;
mod upstream;

use curtaincall_guest::{Guest, Reply, Request, Response, escape};

use bindings::wasi::config::store;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package curtaincall:exchange;
            world imports {
                import curtaincall:callback/session@0.1.0;
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
        match token::exchange(&code) {
            Ok(values) => Reply::success(page(200, "Signed in", "You can close this tab."), values),
            Err(why) => failed("token_request_failed", Some(&why)),
        }
    }
}

curtaincall_guest::export!(Exchange);

fn failed(error: &str, description: Option<&str>) -> Reply {
    Reply::failure(page(200, "Not signed in", description.unwrap_or(error)), error, description)
}

fn page(status: u16, title: &str, text: &str) -> Response {
    let body =
        format!("<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{}\n", escape(text));
    Response::html(body).status(status)
}

/// A value of the configuration.
fn configured(name: &str) -> Result<Option<String>, String> {
    store::get(name).map_err(|error| format!("The configuration cannot be read: {error:?}"))
}

fn required(name: &str) -> Result<String, String> {
    configured(name)?.ok_or_else(|| format!("`{name}` is not configured."))
}
