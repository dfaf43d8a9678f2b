//! The configuration of one run. Every part has a type that only holds valid values.

use std::time::Duration;

use crate::browser::Browser;
#[cfg(feature = "net")]
use crate::egress::Trust;
use crate::grants::NetGrants;
use crate::limits::Limits;
use crate::presets::{Preset, PresetError};
use crate::redirect_uri::RedirectUri;
use crate::reply::PageGrants;
use crate::request::{CallbackPath, Scheme};
use crate::sandbox::{Compiler, Guest};
use crate::server::listener::Bind;
#[cfg(feature = "net")]
use crate::server::tls::TlsIdentity;
use crate::template::Template;
use crate::variables::Variables;

/// The configuration of one run.
///
/// The default serves the embedded guest `default` on a free port of `127.0.0.1`, with a timeout of five minutes.
/// Start from the default and change its fields, or use the methods of [`Flow`](crate::Flow).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The guest that answers callbacks. A preset has its own.
    pub guest: Guest,
    /// The provider to sign in with. Its guest, its configuration and its grants are added to this configuration.
    pub preset: Option<Preset>,
    /// The authorization URL. `None` if the guest builds it, or if the flow does not open one.
    pub open: Option<Template>,
    /// The browser that opens the authorization URL.
    pub browser: Browser,
    /// Whether other users of this machine may connect. On systems other than Linux, they always may.
    pub other_users: bool,
    /// The loopback address to listen on.
    pub bind: Bind,
    /// The ports to try, in this order. Port 0 means any free port.
    pub ports: Vec<u16>,
    /// The certificate with which to receive the callback over https. `None` for plain HTTP.
    #[cfg(feature = "net")]
    pub tls: Option<TlsIdentity>,
    /// The path of the callback, as it reaches the host.
    pub path: CallbackPath,
    /// The redirect URI that the provider knows. `None` if it is the address on which the host listens.
    pub redirect_uri: Option<RedirectUri>,
    /// Whether the code may pass through another host, in [`redirect_uri`](Self::redirect_uri), without PKCE and
    /// without the secret `client_secret`. That host could then use the code.
    pub unprotected_code: bool,
    /// The issuer that `iss` must name (RFC 9207).
    pub issuer: Option<String>,
    /// How long to wait for the callback.
    pub timeout: Duration,
    /// How long replies in flight may take once the run ends.
    pub grace: Duration,
    /// The limits on what the guest may use.
    pub limits: Limits,
    /// What the guest's page may do.
    pub page: PageGrants,
    /// The variables that the guest reads through `wasi:config/store`, and the secrets that it holds without reading
    /// them.
    pub variables: Variables,
    /// The hosts that the guest and its authorization URL may reach.
    pub net: NetGrants,
    /// The certificates that the network trusts, in addition to those of the system.
    #[cfg(feature = "net")]
    pub trust: Trust,
    /// Where the guest is compiled: in this process or in a separate one.
    pub compiler: Compiler,
}

impl Config {
    /// Adds the guest, the variables and the grants of the preset, if there is one.
    ///
    /// # Errors
    /// Fails if a value is missing or invalid.
    pub(crate) fn with_preset(mut self) -> Result<Self, PresetError> {
        if let Some(preset) = &self.preset {
            preset.apply(&mut self.variables, &mut self.net)?;
            // The grants of a preset are only for the guest that they were written for.
            self.guest = preset.guest();
        }
        Ok(self)
    }

    /// Returns the scheme of the redirect URI.
    pub(crate) fn scheme(&self) -> Scheme {
        #[cfg(feature = "net")]
        if self.tls.is_some() {
            return Scheme::Https;
        }
        Scheme::Http
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            guest: Guest::default(),
            preset: None,
            open: None,
            browser: Browser::default(),
            other_users: false,
            bind: Bind::default(),
            ports: vec![0],
            #[cfg(feature = "net")]
            tls: None,
            path: CallbackPath::default(),
            redirect_uri: None,
            unprotected_code: false,
            issuer: None,
            timeout: Duration::from_secs(5 * 60),
            grace: Duration::from_secs(2),
            limits: Limits::default(),
            page: PageGrants::default(),
            variables: Variables::default(),
            net: NetGrants::default(),
            #[cfg(feature = "net")]
            trust: Trust::default(),
            compiler: Compiler::default(),
        }
    }
}
