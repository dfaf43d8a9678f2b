//! Checks who made a connection: only programs of this user may send a callback.
//!
//! On Linux, every process can ask the kernel for the owner of the socket at the other end (`NETLINK_SOCK_DIAG`,
//! sock_diag(7)). A query takes a few microseconds. On other systems the check is off.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod kernel;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

#[cfg(not(target_os = "linux"))]
use elsewhere::OwnerQuery;
#[cfg(target_os = "linux")]
use kernel::OwnerQuery;

use crate::request::Refusal;

/// The check of who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peers(Option<OwnerQuery>);

impl Peers {
    /// Creates a check that is off: every user of this machine may connect.
    pub(crate) fn unchecked() -> Self {
        Self(None)
    }

    /// Creates a check for connections to the listeners at `local`.
    ///
    /// # Errors
    /// Fails if the kernel does not know these listeners. It would not know their connections either.
    pub(crate) fn checked(local: &[SocketAddr]) -> io::Result<Self> {
        let query = OwnerQuery::open()?;
        for addr in local {
            query.find_listener(*addr)?;
        }
        Ok(Self(Some(query)))
    }

    /// Returns whether the check is on.
    pub(crate) fn are_checked(&self) -> bool {
        self.0.is_some()
    }

    /// Checks that a connection from `peer` belongs to this user.
    ///
    /// # Errors
    /// Fails if it belongs to another user, or if the client has already closed it. Another user could send a request
    /// and close at once, and that request could still be read.
    pub(crate) fn check(&self, stream: &TcpStream, peer: SocketAddr) -> Result<(), Refusal> {
        match &self.0 {
            Some(query) => query.check(stream, peer),
            None => Ok(()),
        }
    }
}
