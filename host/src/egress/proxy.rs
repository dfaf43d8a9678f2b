//! Proxies from the environment, and the tunnels through them.

use std::env;
use std::ffi::OsString;

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Empty;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;

use super::Stream;
use super::destination::Destination;
use super::exchange::{beside, handshake};
use super::problem::Problem;

/// The environment variables that name proxies.
const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The proxies for requests to other hosts. There is no `Debug`, because it could show credentials.
pub(crate) struct Proxies(Option<Matcher>);

/// The error for an environment variable that is not the URL of a proxy. It does not contain the value, which may
/// contain a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid proxy in the environment variable `{variable}`: expected a URL such as `http://proxy.example:3128`"
)]
pub struct ProxyError {
    /// The name of the variable.
    pub variable: &'static str,
}

impl Proxies {
    /// No proxy: all requests go directly to their host.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The proxies that the environment names, as curl reads them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`, in upper or lower case.
    ///
    /// In a CGI program, which has the variable `REQUEST_METHOD`, there is no proxy: a client could set `HTTP_PROXY`
    /// by a header field (CVE-2016-5385).
    ///
    /// # Errors
    /// Fails if one of them is not a URL, or not UTF-8. Otherwise requests would silently bypass the proxy.
    pub(crate) fn from_env() -> Result<Self, ProxyError> {
        let is_cgi = env::var_os("REQUEST_METHOD").is_some();
        if let Some(variable) = invalid(|name| env::var_os(name))
            && !is_cgi
        {
            return Err(ProxyError { variable });
        }
        Ok(Self(Some(Matcher::from_env())))
    }

    /// The proxy for requests to `to`, if any. It is not asked for a host that names loopback, which would be the
    /// loopback of the proxy.
    pub(super) fn find(&self, to: &Destination) -> Result<Option<Proxy>, Problem> {
        let Some(matcher) = &self.0 else { return Ok(None) };
        if to.names_loopback() {
            return Ok(None);
        }
        let scheme = if to.is_tls { "https" } else { "http" };
        let uri = format!("{scheme}://{}/", to.host_and_port());
        let Some(proxy) = matcher.intercept(&uri.parse().map_err(|_| Problem::Url)?) else {
            return Ok(None);
        };
        match proxy.uri().scheme_str() {
            Some("http" | "https") => Ok(Some(Proxy {
                server: Destination::of(proxy.uri())?,
                authorization: proxy.basic_auth().cloned(),
            })),
            scheme => Err(Problem::ProxyScheme(scheme.unwrap_or_default().to_owned())),
        }
    }
}

#[cfg(test)]
impl From<Matcher> for Proxies {
    fn from(matcher: Matcher) -> Self {
        Self(Some(matcher))
    }
}

/// The first of the variables whose value is not empty, and not the URL of a proxy.
fn invalid(value: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    let is_valid = |url: &str| {
        let matcher = Matcher::builder().all(url).build();
        let proxy = matcher.intercept(&Uri::from_static("http://host.invalid/"));
        let authority = proxy.as_ref().and_then(|proxy| proxy.uri().authority());
        // With an unescaped `@` in the password, a part of it would be taken for the host.
        authority.is_some_and(|authority| !authority.as_str().contains('@'))
    };
    VARIABLES.into_iter().find(|name| {
        value(name).is_some_and(|url| !url.is_empty() && !url.to_str().is_some_and(is_valid))
    })
}

/// A proxy, and the credentials for it.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) server: Destination,
    /// The value of `Proxy-Authorization`. It is marked as sensitive, so that `Debug` does not show it.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// The host and port of the proxy, for messages.
    pub(super) fn name(&self) -> String {
        self.server.host_and_port()
    }

    /// Asks the proxy at the other end of `stream` for a tunnel to `to` (RFC 9110, section 9.3.6).
    ///
    /// # Errors
    /// Fails if it does not open one.
    pub(super) async fn tunnel(&self, stream: Stream, to: &Destination) -> Result<Stream, Problem> {
        let failed = |error| Problem::Proxy {
            proxy: self.name(),
            problem: Box::new(Problem::of_http(error, false)),
        };
        let target = to.host_and_port();
        let mut request =
            Request::builder().method(Method::CONNECT).uri(&target).header(HOST, target);
        if let Some(authorization) = &self.authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| Problem::Url)?;
        let (mut sender, connection) = handshake(stream).await.map_err(failed)?;
        let tunnel = beside(connection.with_upgrades(), async {
            let response = sender.send_request(request).await.map_err(failed)?;
            let status = response.status();
            if !status.is_success() {
                return Err(Problem::ProxyRefused { proxy: self.name(), status: status.as_u16() });
            }
            hyper::upgrade::on(response).await.map_err(failed)
        });
        Ok(Box::new(TokioIo::new(tunnel.await?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_not_a_proxy_is_an_error() {
        for (url, is_valid) in [
            ("", true),
            ("http://proxy.example:3128", true),
            ("http://user:p%40ss@proxy.example:3128/", true),
            ("https://proxy.example", true),
            ("socks5h://proxy.example:1080", true),
            ("proxy.example:3128", true),
            ("htp://proxy.example:3128", false),
            ("http://user:p@ss@proxy.example:3128", false),
            ("http://proxy example", false),
            ("http://", false),
        ] {
            for variable in VARIABLES {
                let found = invalid(|name| (name == variable).then(|| url.into()));
                assert_eq!(found, (!is_valid).then_some(variable), "{url}");
            }
        }
        #[cfg(unix)]
        for bytes in [&b"http://proxy\xff.example:3128"[..], b"\xff"] {
            use std::os::unix::ffi::OsStrExt as _;
            let url = std::ffi::OsStr::from_bytes(bytes);
            let found = invalid(|name| (name == "HTTPS_PROXY").then(|| url.to_owned()));
            assert_eq!(found, Some("HTTPS_PROXY"), "{url:?}");
        }
        let error = ProxyError { variable: "HTTPS_PROXY" };
        assert_eq!(
            error.to_string(),
            "invalid proxy in the environment variable `HTTPS_PROXY`: \
             expected a URL such as `http://proxy.example:3128`"
        );
    }
}
