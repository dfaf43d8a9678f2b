//! Check whether a callback receiver survives what browsers and strangers send to it.
//!
//! A callback receiver is a program, or a part of one, that listens on loopback for one OAuth redirect.
//! [`Torture`] starts it once for each [`Shape`], sends what the shape describes, and then sends the legitimate
//! callback, which must still win. [`Provider`] is a pretend authorization server for whole sign-ins.
//!
//! ```no_run
//! use std::process::Command;
//! use callback_torture::{Program, Torture};
//!
//! let torture = Torture::default();
//! let report = torture.run(|| {
//!     Program::start(Command::new("my-login").arg("--no-browser"), torture.deadline)
//! });
//! print!("{report}");
//! assert!(report.passed());
//! ```
//!
//! A receiver whose redirect URI is `https` needs [`Torture::trusting`].
//!
//! The program `callback-torture` does the same for any command.

pub mod browser;
mod client;
mod endpoint;
mod events;
mod process;
mod program;
mod provider;
mod shape;
mod target;
mod torture;
mod trust;

pub use process::Group;
pub use program::{Program, Source};
pub use provider::Provider;
pub use shape::Shape;
pub use torture::{End, Problem, Receiver, Report, Torture, Verdict};
pub use trust::{Trust, TrustError};
