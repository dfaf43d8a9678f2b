//! Write a Curtaincall guest in Rust: one `impl` and one macro line.
//!
//! A guest renders the page for a callback, and decides whether the flow is complete.
//!
//! ```
//! use curtaincall_guest::{Guest, Reply, Request, Response, escape};
//!
//! struct Thanks;
//!
//! impl Guest for Thanks {
//!     fn handle(request: Request) -> Reply {
//!         match request.parameter("code") {
//!             Some(code) => {
//!                 let page = format!("<h1>Thanks</h1><p>Got {} characters.", code.len());
//!                 Reply::success(Response::html(page), [("code", code)])
//!             }
//!             None => Reply::pending(Response::html(format!(
//!                 "<h1>Nothing at {}</h1>",
//!                 escape(&request.path_with_query)
//!             ))),
//!         }
//!     }
//! }
//!
//! curtaincall_guest::export!(Thanks);
//!
//! // In a test, the guest is ordinary Rust code:
//! let request = Request::get("/callback?code=abc");
//! assert_eq!(Thanks::handle(request).outcome().unwrap().get("code"), Some("abc"));
//! ```
//!
//! A guest is a `cdylib` crate. `cargo build --release --target wasm32-wasip2` builds the component for `host run`. The
//! crate also compiles natively, so a guest can have ordinary unit tests.
//!
//! With the feature `provider`, the module `provider` is for guests that build the authorization URL and exchange the
//! code.

pub mod page;
#[cfg(feature = "provider")]
pub mod provider;
mod reply;
mod request;

#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "curtaincall:callback/guest",
        pub_export_macro: true,
        export_macro_name: "export_guest",
        default_bindings_module: "curtaincall_guest::bindings",
    });
}

pub use bindings::curtaincall::callback::types::{
    Disposition, Failure, Field, Outcome, Reply, Request, Response,
};

/// A guest. It turns a request into a page, and decides whether the flow is complete.
pub trait Guest {
    /// Answer one request. The host calls this zero or more times, each time on a fresh instance.
    ///
    /// If it panics, the host answers with 500, prints the message on its standard error, and continues to listen.
    fn handle(request: Request) -> Reply;
}

/// Escape `text` for the content or a quoted attribute of an HTML page.
pub fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    html_escape::encode_quoted_attribute(text)
}

/// Export a type that implements [`Guest`]. Call this once per crate. It does nothing in a native build.
#[macro_export]
macro_rules! export {
    ($guest:ty) => {
        const _: fn($crate::Request) -> $crate::Reply = <$guest as $crate::Guest>::handle;

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::bindings::exports::curtaincall::callback::handler::Guest for Component {
                fn handle(request: $crate::Request) -> $crate::Reply {
                    $crate::show_panics();
                    <$guest as $crate::Guest>::handle(request)
                }
            }

            $crate::bindings::export_guest! { Component with_types_in $crate::bindings }
        };
    };
}

/// The custom section with the name and version of this crate, which `host inspect` shows.
#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "no other code uses a section with this name")]
#[unsafe(link_section = "curtaincall-sdk")]
#[used]
static SDK: [u8; SDK_TEXT.len()] = *SDK_TEXT.as_bytes().first_chunk().unwrap();
#[cfg(target_family = "wasm")]
const SDK_TEXT: &str = concat!("curtaincall-guest ", env!("CARGO_PKG_VERSION"));

/// Print the message of a panic on standard error, if the standard library of the target cannot.
#[doc(hidden)]
pub fn show_panics() {
    #[cfg(all(feature = "panic-message", target_family = "wasm", target_os = "unknown"))]
    std::panic::set_hook(Box::new(|panic| {
        let stderr = wasip2::cli::stderr::get_stderr();
        // One call can write at most this many bytes.
        for chunk in format!("{panic}\n").as_bytes().chunks(4096) {
            let _ = stderr.blocking_write_and_flush(chunk);
        }
    }));
}
