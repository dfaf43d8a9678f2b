//! The grants for a guest's network: where its requests may go, and what it may read of the answers.
//!
//! A URL is granted in one of two kinds. An *endpoint* is one exact URL. The host may send secrets to it, and seals its
//! answers. An *origin* is never sent a secret, and its answers can be read.

mod endpoint;
mod error;
mod file;
pub(crate) mod location;
mod path;
pub(crate) mod pointer;
#[cfg(test)]
mod tests;

use url::{Origin, Url};

pub use endpoint::Endpoint;
pub(crate) use endpoint::is_never_readable;
pub use error::GrantError;
pub(crate) use file::{GrantTable, place};
pub use location::UrlProblem;

use location::Location;
use path::{is_near, is_unambiguous};

/// The grants for a guest's network. By default there are none, and PKCE is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetGrants {
    endpoints: Vec<Endpoint>,
    origins: Vec<Origin>,
    open: Vec<Origin>,
    private: bool,
    pkce: bool,
}

impl Default for NetGrants {
    fn default() -> Self {
        Self { endpoints: vec![], origins: vec![], open: vec![], private: false, pkce: true }
    }
}

impl NetGrants {
    /// Grants one URL. With a path, `/` included, it is an endpoint. Without, it is an origin.
    ///
    /// # Errors
    /// Fails if `url` is not a plain `https` URL, or `http` URL of a loopback address.
    pub fn allow(&mut self, url: &str) -> Result<&mut Self, GrantError> {
        let location = Location::parse(url).map_err(|problem| GrantError::url(url, problem))?;
        if !location.has_path {
            endpoint::add(&mut self.origins, [location.url.origin()]);
        } else if self.endpoint(&location.url).is_none() {
            self.endpoints.push(Endpoint::new(location.url));
        }
        Ok(self)
    }

    /// Grants the origin of an authorization page, which the browser may open.
    ///
    /// # Errors
    /// Fails if `origin` is not an `https` origin, or `http` origin of a loopback address.
    pub fn allow_open(&mut self, origin: &str) -> Result<&mut Self, GrantError> {
        endpoint::add(&mut self.open, [endpoint::origin(origin)?]);
        Ok(self)
    }

    /// Sets whether granted names may resolve to private addresses.
    pub fn allow_private(&mut self, allow: bool) -> &mut Self {
        self.private = allow;
        self
    }

    /// Reads the grants of a TOML file, or of a preset.
    ///
    /// # Errors
    /// Fails if `text` is not valid TOML, or if it contains an unknown key or an invalid grant.
    pub fn from_toml(text: &str) -> Result<Self, GrantError> {
        file::parse(text)
    }

    /// Adds what `other` allows. PKCE is off if it is off in either.
    pub fn merge(&mut self, other: Self) {
        for endpoint in other.endpoints {
            match self.endpoints.iter_mut().find(|known| known.url == endpoint.url) {
                Some(known) => known.merge(endpoint),
                None => self.endpoints.push(endpoint),
            }
        }
        endpoint::add(&mut self.origins, other.origins);
        endpoint::add(&mut self.open, other.open);
        self.private |= other.private;
        self.pkce &= other.pkce;
    }

    /// The granted endpoints.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The granted origins that can be read.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.origins.iter().map(Origin::ascii_serialization)
    }

    /// The granted origins of authorization pages.
    pub fn open_origins(&self) -> impl Iterator<Item = String> {
        self.open.iter().map(Origin::ascii_serialization)
    }

    /// The hosts that requests may reach, each with its port if that is not the usual one.
    pub fn hosts(&self) -> Vec<String> {
        let endpoints = self.endpoints.iter().map(|endpoint| endpoint.url.origin());
        let host = |origin: Origin| {
            let origin = origin.ascii_serialization();
            origin.rsplit('/').next().unwrap_or_default().to_owned()
        };
        let mut hosts = Vec::new();
        endpoint::add(&mut hosts, endpoints.chain(self.origins.iter().cloned()).map(host));
        hosts
    }

    /// Returns whether requests may reach at least one host.
    #[cfg(feature = "net")]
    pub(crate) fn has_network(&self) -> bool {
        !self.endpoints.is_empty() || !self.origins.is_empty()
    }

    /// The granted loopback hosts, with their ports.
    #[cfg(feature = "net")]
    pub(crate) fn loopback(&self) -> impl Iterator<Item = (url::Host, u16)> {
        let endpoints = self.endpoints.iter().map(|endpoint| endpoint.url.origin());
        endpoints.chain(self.origins.iter().cloned()).filter_map(|origin| match origin {
            Origin::Tuple(_, host, port) if location::is_loopback(&host) => Some((host, port)),
            _ => None,
        })
    }

    /// Returns whether granted names may resolve to private addresses.
    pub fn private(&self) -> bool {
        self.private
    }

    /// Returns whether the authorization request must have this run's PKCE challenge.
    pub fn pkce(&self) -> bool {
        self.pkce
    }

    /// The endpoint at `url`, if scheme, host, port and path are exactly those of one. The query does not matter.
    pub(crate) fn endpoint(&self, url: &Url) -> Option<&Endpoint> {
        let is_plain = url.username().is_empty() && url.password().is_none();
        self.endpoints.iter().find(|endpoint| {
            is_plain && endpoint.url.origin() == url.origin() && endpoint.url.path() == url.path()
        })
    }

    /// Whether the answer to a request to `url` can be read: its origin is granted, and no server would take it for an
    /// endpoint.
    pub(crate) fn may_read(&self, url: &Url) -> bool {
        url.username().is_empty()
            && url.password().is_none()
            && self.origins.contains(&url.origin())
            && is_unambiguous(url.path())
            && !self.endpoints.iter().any(|endpoint| {
                is_same_server(&endpoint.url, url) && is_near(url.path(), endpoint.url.path())
            })
    }

    /// Returns whether the browser may open `url`. The query does not matter.
    pub(crate) fn may_open(&self, url: &Url) -> bool {
        let is_plain = url.username().is_empty() && url.password().is_none();
        is_plain && self.open.contains(&url.origin())
    }
}

/// Returns whether two URLs may lead to the same server: they have the same origin, or two names of this machine and the
/// same port.
fn is_same_server(one: &Url, other: &Url) -> bool {
    let is_loopback = |url: &Url| url.host().is_some_and(|host| location::is_loopback(&host));
    one.origin() == other.origin()
        || (is_loopback(one)
            && is_loopback(other)
            && one.port_or_known_default() == other.port_or_known_default())
}
