//! Receives one HTTP callback on loopback, such as an OAuth redirect.
//!
//! A [`Flow`] listens on a loopback address and opens the browser. It checks each callback, and passes it to a
//! *guest*: a WebAssembly component in a sandbox. The guest returns a page for the browser, and says whether the
//! flow is done. Once it is, the flow sends the page, closes the listener and returns the [`Outcome`].
//!
//! ```no_run
//! use curtaincall::{Flow, Outcome};
//!
//! # async fn sign_in() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "https://provider.example/authorize?response_type=code&client_id=ID\
//!     &redirect_uri={redirect_uri}&state={state}";
//! match Flow::new().open(url.parse()?).run().await? {
//!     outcome @ Outcome::Success(_) => println!("code: {:?}", outcome.get("code")),
//!     Outcome::Failure(failure) => println!("denied: {}", failure.error),
//! }
//! # Ok(())
//! # }
//! ```

// Modules, left to right; a module names only modules to its right:
// flow testing run redirection provider config presets template redirect_uri browser server network event request sandbox egress sealed identity
// authorization grants reply limits variables redaction outcome outgoing session shutdown files visible html
// Named from everywhere: error

mod authorization;
mod browser;
mod config;
#[cfg(feature = "net")]
mod egress;
pub mod error;
mod event;
mod files;
mod flow;
mod grants;
mod html;
#[cfg(feature = "net")]
mod identity;
mod limits;
mod network;
mod outcome;
mod outgoing;
mod presets;
mod provider;
mod redaction;
mod redirect_uri;
mod redirection;
mod reply;
mod request;
mod run;
mod sandbox;
mod sealed;
mod server;
mod session;
mod shutdown;
mod template;
#[cfg(feature = "testing")]
pub mod testing;
mod variables;
mod visible;

/// The type of a size in [`Limits`].
pub use bytesize::ByteSize;
pub use config::Config;
#[cfg(feature = "net")]
pub use egress::Trust;
pub use error::Error;
pub use event::Event;
pub use flow::Flow;
pub use grants::{Endpoint, NetGrants};
pub use limits::{Limit, Limits};
pub use outcome::{Failure, Outcome};
pub use presets::{Need, NeedKind, Preset, Redirect, RedirectRule};
pub use redirect_uri::RedirectUri;
pub use reply::{PageGrant, PageGrants};
pub use request::CallbackPath;
pub use sandbox::{Compiler, CountingAllocator, Guest};
pub use server::listener::Bind;
pub use server::paste::{Accepted, Paste, Pasted};
#[cfg(feature = "net")]
pub use server::tls::TlsIdentity;
pub use shutdown::{Signal, Signals};
pub use template::Template;
/// The type of an origin in a [`PageGrant`].
pub use url::Origin;
pub use variables::Variables;

/// Internals for the program, the benchmarks and the fuzzers. Not part of the public API: any release may change
/// them.
#[doc(hidden)]
pub mod internals {
    #[cfg(feature = "testing")]
    pub use crate::testing::exchange::{exchange, refusal_message};

    /// Test cases, read from files.
    #[cfg(feature = "testing")]
    pub mod case {
        pub use crate::testing::case::*;
    }
    /// The events of a flow.
    pub mod event {
        pub use crate::event::*;
    }
    /// Access to files that the user names.
    pub mod files {
        pub use crate::files::*;
    }
    /// ID tokens.
    #[cfg(feature = "net")]
    pub mod identity {
        pub use crate::identity::*;
    }
    /// The grants for a guest's network.
    pub mod grants {
        pub use crate::grants::*;
    }
    /// The limits, by name.
    pub mod limits {
        pub use crate::limits::*;
    }
    /// The network policy for a guest's requests.
    pub mod network {
        pub use crate::network::*;
    }
    /// Output formats of the outcome.
    pub mod outcome {
        pub use crate::outcome::*;
    }
    /// What a provider guest can reach.
    pub mod provider {
        pub use crate::provider::{check, inputs};
    }
    /// Requests that a guest sends to other hosts.
    pub mod outgoing {
        pub use crate::outgoing::*;
    }
    /// HTTP requests as bytes.
    #[cfg(feature = "testing")]
    pub mod raw {
        pub use crate::testing::raw::*;
    }
    /// Validation of a guest's reply.
    pub mod reply {
        pub use crate::reply::*;
    }
    /// Checks on a request before it reaches a guest.
    pub mod request {
        pub use crate::request::*;
    }
    /// A loaded guest.
    pub mod sandbox {
        pub use crate::sandbox::*;
    }
    /// Requests with secrets in them, and sealed answers.
    pub mod sealed {
        pub use crate::sealed::*;
    }
    /// The secrets of one run.
    pub mod session {
        pub use crate::session::*;
    }
    /// The checks and the session of a test.
    #[cfg(feature = "testing")]
    pub mod setup {
        pub use crate::testing::setup::{rules, session};
    }
    /// The signals of this process.
    pub mod shutdown {
        pub use crate::shutdown::*;
    }
    /// Authorization URLs with placeholders.
    pub mod template {
        pub use crate::template::*;
    }
    /// The variables and secrets of a guest.
    pub mod variables {
        pub use crate::variables::*;
    }
    /// Text that is safe to print on a terminal.
    pub mod visible {
        pub use crate::visible::*;
    }
}
