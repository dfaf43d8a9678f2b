//! The embedded `oauth2` guest. It signs a person in with OAuth 2.0 or OpenID Connect, and hands the tokens over.
//!
//! It never sees a secret: it holds the client secret, the PKCE verifier and the tokens as handles. Its configuration
//! says how the provider differs from the specifications. A preset is such a configuration, with its grants.
//!
//! `guest/PROVIDERS.md` lists all settings. Any other one is an error, so that a misspelled one is not ignored.

mod account;
mod authorization;
mod client;
mod config;
mod failure;
mod host;
mod imports;
mod metadata;
mod names;
mod outcome;
mod page;
mod reason;
mod settings;
mod sign_in;
mod token;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod presets;

use curtaincall_guest::{Failure, Guest, Reply, Request};

use bindings::exports::curtaincall::callback::authorizer;
use bindings::wasi::config::store;
use config::Config;
use imports::Imports;
use sign_in::Callback;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package curtaincall:oauth2;
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

struct OAuth2;

impl authorizer::Guest for OAuth2 {
    fn authorize() -> Result<authorizer::Authorization, Failure> {
        let authorized =
            configuration().and_then(|config| authorization::authorize(&Imports, &config));
        authorized.map(|(url, issuer)| authorizer::Authorization { url, issuer }).map_err(ended)
    }
}

impl Guest for OAuth2 {
    fn handle(request: Request) -> Reply {
        let answered =
            configuration().and_then(|config| sign_in::answer(&Imports, &config, &request));
        reply(answered)
    }
}

curtaincall_guest::export!(OAuth2);

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the macro exports functions with the ABI of components")]
mod export {
    use super::{OAuth2, bindings};

    bindings::export!(OAuth2 with_types_in bindings);
}

fn configuration() -> Result<Config, failure::Failure> {
    store::get_all().map(Config::new).map_err(|_| {
        failure::Failure::new("not_configured", "The configuration cannot be read.", "Check it.")
    })
}

fn reply(answered: Result<Callback, failure::Failure>) -> Reply {
    match answered {
        Ok(Callback::SignedIn(signed_in)) => {
            Reply::success(page::signed_in(signed_in.account.as_deref()), signed_in.values)
        }
        Ok(Callback::Nothing) => Reply::pending(page::nothing()),
        Err(failure) => {
            let page = page::failed(&failure);
            let Failure { error, description } = ended(failure);
            Reply::failure(page, &error, description.as_deref())
        }
    }
}

fn ended(failure: failure::Failure) -> Failure {
    let description = Some(failure.description());
    Failure { error: failure.error, description }
}
