//! What one run does, valid by construction: every part was parsed into a type that cannot be wrong.

use std::time::Duration;

use crate::limits::Limits;
use crate::reply::PageGrants;
use crate::request::CallbackPath;
use crate::sandbox::{Compiler, Guest};
use crate::server::listener::Bind;
use crate::template::Template;
use crate::variables::Variables;

/// The configuration of one run.
///
/// The default serves the embedded guest `default` on a free port of `127.0.0.1`, for at most five minutes.
/// Change the fields of a default, or use the methods of [`Flow`](crate::Flow).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Who draws the page.
    pub guest: Guest,
    /// The authorization URL, where the guest does not build it.
    pub open: Option<Template>,
    /// Whether to start a browser.
    pub browser: bool,
    /// Whether every user of the machine may connect, and not only the one who runs this. Linux only;
    /// elsewhere everybody may.
    pub other_users: bool,
    /// Where to listen.
    pub bind: Bind,
    /// The ports to try in order; 0 is any free port.
    pub ports: Vec<u16>,
    /// The callback path.
    pub path: CallbackPath,
    /// The issuer that has to answer (RFC 9207).
    pub issuer: Option<String>,
    /// How long to wait for the callback.
    pub timeout: Duration,
    /// How long replies in flight may take once the run ends.
    pub grace: Duration,
    /// What a guest may use.
    pub limits: Limits,
    /// What a guest's page may do.
    pub page: PageGrants,
    /// What a guest finds in `wasi:config/store`.
    pub variables: Variables,
    /// Who compiles the guest.
    pub compiler: Compiler,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            guest: Guest::default(),
            open: None,
            browser: true,
            other_users: false,
            bind: Bind::default(),
            ports: vec![0],
            path: CallbackPath::default(),
            issuer: None,
            timeout: Duration::from_secs(5 * 60),
            grace: Duration::from_secs(2),
            limits: Limits::default(),
            page: PageGrants::default(),
            variables: Variables::default(),
            compiler: Compiler::default(),
        }
    }
}
