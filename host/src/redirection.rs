//! The redirection endpoint of a run (RFC 6749, section 3.1.2): where it listens, and how the browser reaches it.

use std::net::TcpListener;

use crate::config::Config;
use crate::error::Error;
use crate::redirect_uri::RedirectUri;
#[cfg(feature = "net")]
use crate::request::Scheme;
use crate::server::listener::{Bind, Listener};
use crate::session::{Session, SessionError};

/// Returns the listener of the run: the given one, or a new one.
///
/// # Errors
/// Fails if it cannot listen, or if the certificate or the scheme of the redirect URI does not fit.
pub(crate) fn listen(config: &Config, given: Option<TcpListener>) -> Result<Listener, Error> {
    match given {
        Some(given) => {
            let listener = Listener::from_std(given, config.scheme())?;
            check_certificate(config, listener.address())?;
            Ok(listener)
        }
        None => {
            check_certificate(config, config.bind)?;
            Ok(Listener::bind(config.bind, &config.ports, config.scheme())?)
        }
    }
}

/// Creates the values of the run, for the redirect URI that the provider knows.
pub(crate) fn session(config: &Config, listener: &Listener) -> Result<Session, SessionError> {
    match &config.redirect_uri {
        Some(uri) => Session::issue_for_port(uri.as_str().to_owned(), listener.port()),
        None => Session::issue(format!("{}{}", listener.origin(), config.path.as_str())),
    }
}

/// Returns every authority under which a browser may reach the listener.
pub(crate) fn authorities(config: &Config, listener: &Listener) -> Vec<String> {
    let mut authorities = listener.authorities();
    authorities.extend(config.redirect_uri.iter().flat_map(RedirectUri::authorities));
    authorities
}

/// Returns the origin at which a browser on this machine reaches the listener.
///
/// If the certificate is not for the address of the listener, this is the origin of the redirect URI. Its name may then be
/// one of this machine, such as in a hosts file.
pub(crate) fn origin(config: &Config, listener: &Listener) -> String {
    #[cfg(feature = "net")]
    if let (Some(identity), Some(uri)) = (&config.tls, &config.redirect_uri)
        && identity.check_host(&listener.address().to_string()).is_err()
    {
        return uri.origin();
    }
    #[cfg(not(feature = "net"))]
    let _ = config;
    listener.origin()
}

/// Checks that the certificate of the run, if it has one, is for the host of the redirect URI.
#[cfg(feature = "net")]
fn check_certificate(config: &Config, address: Bind) -> Result<(), Error> {
    let Some(identity) = &config.tls else { return Ok(()) };
    match &config.redirect_uri {
        Some(uri) if uri.scheme() == Scheme::Http => {
            return Err(Error::PlainRedirectUri(uri.to_string()));
        }
        Some(uri) => identity.check_host(uri.host())?,
        None => identity.check_host(&address.to_string())?,
    }
    Ok(())
}

/// Without the feature `net`, a run has no certificate.
#[cfg(not(feature = "net"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature, a check can fail")]
fn check_certificate(_: &Config, _: Bind) -> Result<(), Error> {
    Ok(())
}
