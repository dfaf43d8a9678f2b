//! [`Flow`], the entry point of the library.

use std::fmt;
use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use crate::config::Config;
#[cfg(feature = "net")]
use crate::egress::Trust;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::grants::NetGrants;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::presets::{Preset, Redirect};
use crate::redirect_uri::RedirectUri;
use crate::reply::PageGrants;
use crate::request::CallbackPath;
use crate::run::{self, Hooks};
use crate::sandbox::{Compiler, Guest};
use crate::server::listener::Bind;
use crate::server::paste::Pasted;
#[cfg(feature = "net")]
use crate::server::tls::TlsIdentity;
use crate::shutdown::Signal;
use crate::template::Template;
use crate::variables::Variables;

/// A builder for one flow, from the listener to the outcome. [`run`](Self::run) runs the flow.
///
/// Requires a tokio runtime of either flavour, with I/O and time enabled.
pub struct Flow {
    config: Config,
    hooks: Hooks,
}

impl Default for Flow {
    fn default() -> Self {
        Self::from(Config::default())
    }
}

impl From<Config> for Flow {
    fn from(config: Config) -> Self {
        Self {
            config,
            hooks: Hooks {
                listener: None,
                shutdown: Box::pin(std::future::pending()),
                events: Events::to(|_| {}),
                pasted: None,
                on_done: Box::new(|_| {}),
            },
        }
    }
}

impl Flow {
    /// Creates a flow with the default guest, on a free port of `127.0.0.1`, with a timeout of five minutes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the guest that answers callbacks, instead of a preset.
    #[must_use]
    pub fn guest(mut self, guest: Guest) -> Self {
        self.config.guest = guest;
        self.config.preset = None;
        self
    }

    /// Signs in with a provider, instead of a guest. [`variables`](Self::variables) must contain what the preset
    /// [needs](Preset::needs).
    ///
    /// The preset's guest can reach the provider's endpoints, in addition to what [`net`](Self::net) grants. If the
    /// provider accepts only `localhost` in the redirect URI, the flow listens there. A later [`bind`](Self::bind)
    /// changes that.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        if preset.redirect().is_some_and(Redirect::is_localhost) {
            self.config.bind = Bind::Localhost;
        }
        self.config.preset = Some(preset);
        self
    }

    /// Opens a browser at this authorization URL.
    #[must_use]
    pub fn open(mut self, template: Template) -> Self {
        self.config.open = Some(template);
        self
    }

    /// Sets whether to start a browser. The default is `true`. With `false`, the caller opens the URL of
    /// [`Event::Authorize`].
    #[must_use]
    pub fn browser(mut self, browser: bool) -> Self {
        self.config.browser = browser;
        self
    }

    /// Sets whether other users of this machine may connect.
    #[must_use]
    pub fn other_users(mut self, other_users: bool) -> Self {
        self.config.other_users = other_users;
        self
    }

    /// Sets the loopback address to listen on.
    #[must_use]
    pub fn bind(mut self, bind: Bind) -> Self {
        self.config.bind = bind;
        self
    }

    /// Sets the ports to try, in this order. Port 0 means any free port.
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.config.ports = ports.into_iter().collect();
        self
    }

    /// Receives the callback over https, with this certificate. It must be for the host of the redirect URI: the
    /// address of [`bind`](Self::bind), or `localhost`.
    #[cfg(feature = "net")]
    #[must_use]
    pub fn tls(mut self, identity: TlsIdentity) -> Self {
        self.config.tls = Some(identity);
        self
    }

    /// Sets the path of the callback.
    #[must_use]
    pub fn path(mut self, path: CallbackPath) -> Self {
        self.config.path = path;
        self
    }

    /// Sets the redirect URI that the provider knows, if it is not the address that the flow listens on.
    ///
    /// `state` is then the port in five digits, followed by 32 hexadecimal digits (128 random bits). A server at the
    /// redirect URI can read the port from it, and send the browser on. If the URI names this machine, the path of the
    /// callback is that of the URI. A later [`path`](Self::path) changes that.
    #[must_use]
    pub fn redirect_uri(mut self, redirect_uri: RedirectUri) -> Self {
        if let Some(path) = redirect_uri.callback_path() {
            self.config.path = path.clone();
        }
        self.config.redirect_uri = Some(redirect_uri);
        self
    }

    /// Sets whether the code may pass through the host of [`redirect_uri`](Self::redirect_uri) although that host could
    /// use the code: without PKCE, and without the secret `client_secret`. The default is `false`.
    #[must_use]
    pub fn unprotected_code(mut self, unprotected_code: bool) -> Self {
        self.config.unprotected_code = unprotected_code;
        self
    }

    /// Accepts only callbacks whose `iss` is this issuer (RFC 9207).
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.config.issuer = Some(issuer.into());
        self
    }

    /// Sets how long to wait for the callback.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets how long replies in flight may take once the flow ends.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// Sets the limits on what the guest may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Sets what the guest's page may do. By default, the user can only read it.
    #[must_use]
    pub fn page(mut self, page: PageGrants) -> Self {
        self.config.page = page;
        self
    }

    /// Sets the variables that the guest reads through `wasi:config/store`, and the secrets that it holds without
    /// reading them.
    #[must_use]
    pub fn variables(mut self, variables: Variables) -> Self {
        self.config.variables = variables;
        self
    }

    /// Grants the guest requests to other hosts, and an authorization URL. By default, it can reach none.
    #[must_use]
    pub fn net(mut self, net: NetGrants) -> Self {
        self.config.net = net;
        self
    }

    /// Trusts these certificates in requests to other hosts, in addition to those of the system.
    #[cfg(feature = "net")]
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.config.trust = trust;
        self
    }

    /// Sets where the guest is compiled: in this process or in a separate one.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.config.compiler = compiler;
        self
    }

    /// Uses a listener that is already bound to a loopback address, instead of `bind` and `ports`.
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.hooks.listener = Some(listener);
        self
    }

    /// Stops the flow when `shutdown` resolves.
    #[must_use]
    pub fn shutdown(mut self, shutdown: impl Future<Output = Signal> + Send + 'static) -> Self {
        self.hooks.shutdown = Box::pin(shutdown);
        self
    }

    /// Calls `listener` for every event, on the thread where the event occurs. The listener must not block.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hooks.events = Events::to(listener);
        self
    }

    /// Accepts callbacks that a person pastes as text, in addition to those of a browser.
    #[must_use]
    pub fn pasted(mut self, pasted: Pasted) -> Self {
        self.hooks.pasted = Some(pasted);
        self
    }

    /// Calls `on_done` with the outcome as soon as it is known, while the last page is still being sent. `on_done` must
    /// not block.
    ///
    /// The flow calls `on_done` at most once. This includes a flow that was stopped, if a reply in flight completes it
    /// within the grace period.
    #[must_use]
    pub fn on_done(mut self, on_done: impl FnOnce(&Outcome) + Send + 'static) -> Self {
        self.hooks.on_done = Box::new(on_done);
        self
    }

    /// Runs the flow until the guest returns `done` and its page is sent.
    ///
    /// # Errors
    /// Fails if the flow cannot start, times out, or is stopped before the guest returns `done`.
    ///
    /// # Cancel safety
    /// Dropping the future closes the listener and every connection at once.
    pub async fn run(self) -> Result<Outcome, Error> {
        run::run(self.config, self.hooks).await
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("config", &self.config).finish_non_exhaustive()
    }
}
