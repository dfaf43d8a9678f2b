//! The listening sockets. They are bound to loopback addresses only, and not shared with other processes.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::str::FromStr;
use std::task::Poll;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::holder::Holder;
use crate::request::Scheme;

/// The number of connections that the kernel queues before the host accepts them.
const BACKLOG: i32 = 1024;
/// How many times to try port 0 on both address families. A port that is free on the first may be in use on the second.
const PAIR_ATTEMPTS: usize = 16;
const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The loopback address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bind {
    /// One loopback address. Parse a text such as `127.0.0.1`, or convert an [`IpAddr`], to get one.
    #[non_exhaustive]
    Address(IpAddr),
    /// `127.0.0.1` and `[::1]` on the same port, so that no other program can answer as `localhost`.
    Localhost,
}

impl Default for Bind {
    fn default() -> Self {
        Self::Address(LOOPBACKS[0])
    }
}

impl FromStr for Bind {
    type Err = BindError;

    fn from_str(text: &str) -> Result<Self, BindError> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Localhost);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<IpAddr>() {
            Ok(ip) => ip.try_into(),
            Err(_) => Err(BindError::NotAnAddress(text.to_owned())),
        }
    }
}

impl TryFrom<IpAddr> for Bind {
    type Error = BindError;

    fn try_from(ip: IpAddr) -> Result<Self, BindError> {
        if ip.is_loopback() { Ok(Self::Address(ip)) } else { Err(BindError::NotLoopback(ip)) }
    }
}

/// The error for a text or an IP address that is not a loopback address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Other machines could reach the address (RFC 8252, section 8.3).
    #[error("`{0}` is not a loopback address: expected `127.0.0.1`, `::1` or `localhost`")]
    NotLoopback(IpAddr),
    /// The text is not an IP address. Names other than `localhost` are not resolved.
    #[error("invalid address `{0}`: expected a loopback IP address or `localhost`")]
    NotAnAddress(String),
}

/// The error if the host cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// No port could be bound. Contains each address that was tried.
    #[error("cannot listen on {}", list(.0))]
    Ports(Vec<PortError>),
    /// The caller's listener cannot be used.
    #[error("cannot use the given listener")]
    Given(#[source] io::Error),
    /// Other machines could reach the caller's listener.
    #[error("the given listener is bound to `{0}`, which is not a loopback address")]
    NotLoopback(SocketAddr),
}

/// An address that could not be bound.
#[derive(Debug)]
#[non_exhaustive]
pub struct PortError {
    /// The address.
    pub addr: SocketAddr,
    /// The operating system's reason.
    pub reason: io::Error,
    /// Who holds the port, if the system tells.
    pub holder: Option<Holder>,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.addr)?;
        match (self.reason.kind(), &self.holder) {
            (io::ErrorKind::AddrInUse, Some(holder)) => {
                write!(f, "the port is already in use by {holder}")
            }
            (io::ErrorKind::AddrInUse, None) => f.write_str("the port is already in use"),
            (io::ErrorKind::AddrNotAvailable, _) => {
                f.write_str("this machine does not have this address")
            }
            (io::ErrorKind::PermissionDenied, _) => f.write_str("permission denied"),
            _ => self.reason.fmt(f),
        }
    }
}

fn list(tried: &[PortError]) -> String {
    tried.iter().map(PortError::to_string).collect::<Vec<_>>().join(", ")
}

/// The bound sockets: one, or one per address family on the same port.
#[derive(Debug)]
pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    bind: Bind,
    port: u16,
    scheme: Scheme,
}

impl Listener {
    /// Binds the first of `ports` that is free. Port 0 means any free port.
    ///
    /// # Errors
    /// Fails if no port can be bound. The error contains each address, with the reason.
    pub(crate) fn bind(bind: Bind, ports: &[u16], scheme: Scheme) -> Result<Self, ListenError> {
        let mut tried = Vec::new();
        for &port in ports {
            match bind_all(bind, port) {
                Ok(sockets) => return Self::adopt(sockets, bind, scheme),
                Err(error) => tried.push(error),
            }
        }
        let with_holder = |(addr, reason): (SocketAddr, io::Error)| {
            let is_busy = reason.kind() == io::ErrorKind::AddrInUse;
            PortError { addr, holder: is_busy.then(|| Holder::of(addr)).flatten(), reason }
        };
        Err(ListenError::Ports(tried.into_iter().map(with_holder).collect()))
    }

    /// Creates a listener from one that the caller has bound to a loopback address.
    ///
    /// # Errors
    /// Fails if its address is not a loopback address or cannot be read.
    pub(crate) fn from_std(listener: StdListener, scheme: Scheme) -> Result<Self, ListenError> {
        let addr = listener.local_addr().map_err(ListenError::Given)?;
        if addr.ip().is_loopback() {
            Self::adopt(vec![listener], Bind::Address(addr.ip()), scheme)
        } else {
            Err(ListenError::NotLoopback(addr))
        }
    }

    fn adopt(sockets: Vec<StdListener>, bind: Bind, scheme: Scheme) -> Result<Self, ListenError> {
        let sockets = sockets
            .into_iter()
            .map(|socket| {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket)
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(ListenError::Given)?;
        let port = sockets[0].local_addr().map_err(ListenError::Given)?.port();
        Ok(Self { sockets, bind, port, scheme })
    }

    /// Returns the address and the port, such as `127.0.0.1:43117` or `localhost:43117`.
    pub(crate) fn authority(&self) -> String {
        match self.bind {
            Bind::Localhost => format!("localhost:{}", self.port),
            Bind::Address(ip) => SocketAddr::new(ip, self.port).to_string(),
        }
    }

    /// Returns the origin, such as `http://127.0.0.1:43117`.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// Returns the address to which it is bound.
    pub(crate) fn address(&self) -> Bind {
        self.bind
    }

    /// Returns the scheme of the redirect URI.
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the addresses of the sockets.
    ///
    /// # Errors
    /// Fails if the operating system does not report them.
    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(TcpListener::local_addr).collect()
    }

    /// Returns every authority that names this listener. `Host` may contain any of them.
    pub(crate) fn authorities(&self) -> Vec<String> {
        let ips = match self.bind {
            Bind::Localhost => LOOPBACKS.to_vec(),
            Bind::Address(ip) => vec![ip],
        };
        let mut names: Vec<_> =
            ips.iter().map(|&ip| SocketAddr::new(ip, self.port).to_string()).collect();
        if ips.iter().any(|ip| LOOPBACKS.contains(ip)) {
            names.push(format!("localhost:{}", self.port));
        }
        names
    }

    /// Accepts the next connection, and returns it with the address of the peer.
    ///
    /// # Errors
    /// Fails if a connection was aborted in the backlog, or the process has no file descriptors left.
    ///
    /// # Cancel safety
    /// Cancel safe: a connection is either returned or still in the backlog.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.accept_any().await?;
        // Each page is written in one go, so Nagle's algorithm would only delay its last segment.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }

    async fn accept_any(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| {
            for socket in &self.sockets {
                if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Returns whether `accept` failed because this process has no file descriptors left. Closing a connection frees one.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    // EMFILE, and Windows' WSAEMFILE.
    error.raw_os_error() == Some(if cfg!(windows) { 10_024 } else { 24 })
}

fn bind_all(bind: Bind, port: u16) -> Result<Vec<StdListener>, (SocketAddr, io::Error)> {
    let ip = match bind {
        Bind::Address(ip) => return Ok(vec![bind_one(SocketAddr::new(ip, port))?]),
        Bind::Localhost => LOOPBACKS[0],
    };
    let mut attempts = if port == 0 { PAIR_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let first = bind_one(SocketAddr::new(ip, port))?;
        let shared = match first.local_addr() {
            Ok(addr) => addr.port(),
            Err(error) => return Err((SocketAddr::new(ip, port), error)),
        };
        match bind_one(SocketAddr::new(LOOPBACKS[1], shared)) {
            Ok(second) => return Ok(vec![first, second]),
            Err((_, error)) if attempts > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
}

fn bind_one(addr: SocketAddr) -> Result<StdListener, (SocketAddr, io::Error)> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The server closes first. Without this option, TIME_WAIT would make a second sign-in on the same port within a
        // minute fail. On Unix, this option does not allow a second listener. RFC 8252, appendix B.
        #[cfg(unix)]
        if addr.port() != 0 {
            socket.set_reuse_address(true)?;
        }
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error| (addr, error))
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => write!(f, "{ip}"),
            Self::Localhost => f.write_str("localhost"),
        }
    }
}
