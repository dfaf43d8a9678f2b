//! Receive one HTTP callback on loopback, an OAuth redirect above all, and leave.
//!
//! A native host serves hyper on a loopback address, opens the browser, and passes each checked
//! callback into a sandboxed WebAssembly component, the *guest*. The guest returns the page and a
//! disposition: `pending`, or `done` with an outcome. On `done` the host closes the listener, makes
//! sure that the page has left, and returns the outcome.
//!
//! ```no_run
//! use curtaincall::{Flow, Outcome};
//!
//! # async fn sign_in() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = "https://provider.example/authorize?response_type=code&client_id=ID\
//!     &redirect_uri={redirect_uri}&state={state}";
//! match Flow::new().open(provider.parse()?).run().await? {
//!     outcome @ Outcome::Success(_) => println!("{}", outcome.get("code").unwrap_or("no code")),
//!     Outcome::Failure(failure) => println!("denied: {}", failure.error),
//! }
//! # Ok(())
//! # }
//! ```

// Modules, left to right; a module names only modules to its right:
// flow testing run config template browser server event request sandbox reply limits variables redaction outcome
// outgoing session shutdown files visible
// Named from everywhere: error exit

mod browser;
pub mod config;
pub mod error;
pub mod event;
pub mod exit;
pub mod files;
pub mod flow;
pub mod limits;
pub mod outcome;
pub mod outgoing;
mod redaction;
pub mod reply;
pub mod request;
mod run;
pub mod sandbox;
pub mod server;
pub mod session;
pub mod shutdown;
pub mod template;
#[cfg(feature = "testing")]
pub mod testing;
pub mod variables;
pub mod visible;

pub use config::Config;
pub use error::Error;
pub use event::Event;
pub use exit::Exit;
pub use flow::Flow;
pub use limits::Limits;
pub use outcome::{Failure, Format, Outcome};
pub use reply::{PageGrant, PageGrants};
pub use request::CallbackPath;
pub use sandbox::{Compiler, Guest, GuestError};
pub use server::listener::Bind;
pub use shutdown::{Signal, Signals};
pub use template::Template;
pub use variables::Variables;
