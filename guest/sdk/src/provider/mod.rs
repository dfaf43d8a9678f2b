//! Sign in with a provider: build the authorization URL, and exchange the code for tokens.
//!
//! This is a complete guest. It signs in with OAuth 2.0 and PKCE (RFC 6749, RFC 7636), and puts the tokens into the
//! outcome without reading them:
//!
//! ```
//! use curtaincall_guest::provider::{AuthorizationUrl, Error, Provider, SignedIn, TokenRequest};
//!
//! struct Acme;
//!
//! impl Provider for Acme {
//!     const TOKEN_ENDPOINT: &str = "https://idp.example/token";
//!
//!     fn authorize() -> Result<AuthorizationUrl, Error> {
//!         Ok(AuthorizationUrl::new("https://idp.example/authorize", "ID").scope("read write"))
//!     }
//!
//!     fn exchange(code: &str) -> Result<SignedIn, Error> {
//!         TokenRequest::new(Self::TOKEN_ENDPOINT, "ID", code)
//!             .client_secret("client_secret")
//!             .send()?
//!             .signed_in()
//!     }
//! }
//!
//! curtaincall_guest::export_provider!(Acme);
//!
//! // The SDK answers the callbacks. It calls `exchange` only for a code:
//! use curtaincall_guest::{Guest, Request};
//! let reply = Acme::handle(Request::get("/callback?error=access_denied"));
//! assert_eq!(reply.outcome().unwrap().get("error"), Some("access_denied"));
//! ```
//!
//! [`exchange`], [`identity`], [`secrets`], [`session`] and [`store`] are the host's functions, for what the types of
//! this module do not cover. Only the host implements them: in a native build, they panic.

mod authorization;
mod error;
mod token;

use crate::{Failure, Guest, Reply, Request, page};

pub use authorization::AuthorizationUrl;
pub use bindings::curtaincall::callback::{exchange, identity, secrets, session};
pub use bindings::wasi::config::store;
pub use error::Error;
pub use token::{Answer, SignedIn, TokenRequest};

#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "
            package curtaincall:sdk;
            world provider {
                import curtaincall:callback/session@0.1.0;
                import curtaincall:callback/secrets@0.1.0;
                import curtaincall:callback/exchange@0.1.0;
                import curtaincall:callback/identity@0.1.0;
                import wasi:config/store@0.2.0-rc.1;
                export curtaincall:callback/authorizer@0.1.0;
            }
        ",
        path: "wit",
        with: { "curtaincall:callback/types@0.1.0": crate::bindings::curtaincall::callback::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_authorizer",
        default_bindings_module: "curtaincall_guest::provider::bindings",
    });
}

#[doc(hidden)]
pub use bindings::exports::curtaincall::callback::authorizer;

/// A provider of OAuth 2.0. Export it with [`export_provider!`](crate::export_provider).
pub trait Provider {
    /// The URL of the token request. If it is not granted, the host ends the flow before the browser opens.
    const TOKEN_ENDPOINT: &str;

    /// Say where the browser signs in. The host calls this once, before the browser opens.
    ///
    /// If `exchange` sends further requests, name their URLs here with [`exchange::declare`].
    fn authorize() -> Result<AuthorizationUrl, Error>;

    /// Exchange the code of the callback (RFC 6749, section 4.1.3).
    fn exchange(code: &str) -> Result<SignedIn, Error>;
}

/// A value of the guest's configuration.
pub fn config(name: &str) -> Result<String, Error> {
    store::get(name).ok().flatten().ok_or_else(|| Error::NotConfigured(name.to_owned()))
}

/// The answer to each callback: the page, and the outcome.
impl<P: Provider> Guest for P {
    fn handle(request: Request) -> Reply {
        let parameter = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        if let Some(error) = parameter("error") {
            return Error::Refused(error, parameter("error_description")).into_reply();
        }
        match parameter("code").map(|code| P::exchange(&code)) {
            Some(Ok(signed_in)) => signed_in.into_reply(),
            Some(Err(error)) => error.into_reply(),
            None => Reply::pending(page::nothing()),
        }
    }
}

#[doc(hidden)]
pub fn authorize<P: Provider>() -> Result<authorizer::Authorization, Failure> {
    crate::show_panics();
    let url = P::authorize()?;
    // The verifier is always sent, and it is a secret.
    exchange::declare(P::TOKEN_ENDPOINT, true);
    Ok(url.of_this_run())
}

/// Export a type that implements [`Provider`](crate::provider::Provider). Call this once per crate, instead of
/// [`export!`](crate::export). It does nothing in a native build.
#[macro_export]
macro_rules! export_provider {
    ($provider:ty) => {
        $crate::export!($provider);

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::provider::authorizer;

            struct Component;

            impl authorizer::Guest for Component {
                fn authorize() -> Result<authorizer::Authorization, $crate::Failure> {
                    $crate::provider::authorize::<$provider>()
                }
            }

            $crate::provider::bindings::export_authorizer! {
                Component with_types_in $crate::provider::bindings
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Acme;

    impl Provider for Acme {
        const TOKEN_ENDPOINT: &str = "https://idp.example/token";

        fn authorize() -> Result<AuthorizationUrl, Error> {
            unreachable!("the host calls it")
        }

        fn exchange(code: &str) -> Result<SignedIn, Error> {
            match code {
                "good" => Ok(SignedIn::default().account("<Ada>").value("a", "b")),
                _ => Err(Error::Refused("invalid_grant".to_owned(), None)),
            }
        }
    }

    fn answer(query: &str) -> (Reply, String) {
        let reply = Acme::handle(Request::get(&format!("/callback?{query}")));
        let page = String::from_utf8(reply.response.body.clone()).unwrap();
        (reply, page)
    }

    #[test]
    fn a_result_is_the_outcome_and_names_the_account() {
        let (reply, page) = answer("code=good");
        assert_eq!(reply.outcome().unwrap().get("a"), Some("b"));
        assert!(page.contains("<h1>Signed in as &lt;Ada&gt;</h1>"), "{page}");
    }

    #[test]
    fn a_refusal_is_a_failure_with_the_code_and_the_words_of_the_provider() {
        let (reply, page) = answer("error=access_denied&error_description=%3Cb%3ENo.&code=good");
        let outcome = reply.outcome().unwrap();
        assert_eq!(outcome.get("error"), Some("access_denied"));
        assert_eq!(outcome.get("error_description"), Some("<b>No."));
        assert!(page.contains("<code>access_denied</code>"), "{page}");
        assert!(page.contains("<blockquote>&lt;b&gt;No.</blockquote>"), "{page}");
        let (reply, _) = answer("code=stale");
        assert_eq!(reply.outcome().unwrap().get("error"), Some("invalid_grant"));
    }

    #[test]
    fn a_request_without_a_code_does_not_end_the_flow() {
        for query in ["", "code=", "error=&state=s"] {
            assert!(answer(query).0.outcome().is_none(), "{query}");
        }
    }
}
