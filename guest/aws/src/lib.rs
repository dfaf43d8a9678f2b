//! A guest that signs a person in with any OpenID provider, and gets AWS credentials for a role.
//!
//! It shows what a preset cannot do: it computes. It makes a session name out of the person's email address, and the
//! time at which the credentials expire. It never sees a secret: the ID token and the credentials are handles.
//!
//! The configuration:
//!
//! * `client_id`, `authorization_endpoint`, `token_endpoint`, `issuer`, and `jwks_uri`, the URL of the issuer's keys.
//!   If the provider requires a client secret, it is the secret `client_secret`, which is sent in the form.
//! * `scope`: the default is `openid email`.
//! * `role_arn`: the role, such as `arn:aws:iam::123456789012:role/deploy`.
//! * `duration`: how long the credentials last, from 900 to 43200 seconds. The default is 3600.
//! * `sts_endpoint`: the default is `https://sts.amazonaws.com/`.
//!
//! On success, the outcome contains `AccessKeyId`, `SecretAccessKey`, `SessionToken` and `Expiration`.

mod authorization;
mod config;
mod failure;
mod page;
mod provider;
mod request;
mod session_name;
mod sts;

use curtaincall_guest::{Guest, Reply, Request};

use bindings::exports::curtaincall::callback::authorizer::{self, Authorization};
use config::Config;
use failure::Failure;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package curtaincall:aws;
            world provider {
                import curtaincall:callback/session@0.1.0;
                import curtaincall:callback/secrets@0.1.0;
                import curtaincall:callback/exchange@0.1.0;
                import curtaincall:callback/identity@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
                export curtaincall:callback/authorizer@0.1.0;
            }
        ",
        path: "../../wit",
        with: {
            "curtaincall:callback/types@0.1.0": curtaincall_guest::bindings::curtaincall::callback::types,
        },
        generate_all,
    });
}

struct Aws;

impl authorizer::Guest for Aws {
    fn authorize() -> Result<Authorization, curtaincall_guest::Failure> {
        // This checks the whole configuration, before the browser opens.
        let config = Config::read().map_err(Failure::into_outcome)?;
        Ok(Authorization { url: authorization::url(&config), issuer: None })
    }
}

impl Guest for Aws {
    fn handle(request: Request) -> Reply {
        let parameter = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        if let Some(error) = parameter("error") {
            return failed(Failure::refused(&error, parameter("error_description").as_deref()));
        }
        match parameter("code") {
            Some(code) => credentials(&code).unwrap_or_else(failed),
            None => Reply::pending(page::nothing()),
        }
    }
}

curtaincall_guest::export!(Aws);

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the macro exports functions with the ABI of components")]
mod export {
    use super::{Aws, bindings};

    bindings::export!(Aws with_types_in bindings);
}

/// Exchange the code for an ID token, and the ID token for credentials.
fn credentials(code: &str) -> Result<Reply, Failure> {
    let config = Config::read()?;
    let person = provider::sign_in(&config, code)?;
    let expiration = sts::assume_role(&config, &person)?;
    let page = page::signed_in(&person.name, config.role(), config.duration, &expiration);
    // The other values were handed over: this guest cannot read them.
    Ok(Reply::success(page, [("Expiration", expiration)]))
}

fn failed(failure: Failure) -> Reply {
    let page = page::failed(&failure);
    Reply::failure(page, &failure.error, Some(&failure.why))
}
