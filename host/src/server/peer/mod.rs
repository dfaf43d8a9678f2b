//! Whose connection it is: only the person's own programs may answer.
//!
//! Linux tells the user of the socket at the other end (`NETLINK_SOCK_DIAG`, sock_diag(7)) to anybody who
//! asks, for a few microseconds each. Elsewhere nobody tells, and the check is off.

#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod kernel;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::request::Refusal;

/// Looks at who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peers(Option<kernel::Query>);

impl Peers {
    /// Look at nobody: every user of the machine may connect.
    pub(crate) fn unchecked() -> Self {
        Self(None)
    }

    /// Look at each connection to a listener at `local`.
    ///
    /// # Errors
    /// Why the system does not tell, which is found out by asking for that listener. It would say of each
    /// connection that it knows of none.
    pub(crate) fn checked(local: &[SocketAddr]) -> io::Result<Self> {
        let query = kernel::Query::open()?;
        for addr in local {
            query.find_listener(*addr)?;
        }
        Ok(Self(Some(query)))
    }

    /// Whether somebody looks.
    pub(crate) fn are_checked(&self) -> bool {
        self.0.is_some()
    }

    /// Let a connection from `peer` in, if it is the person's own.
    ///
    /// # Errors
    /// When it is another user's, or nobody's any more: whoever sends and closes at once looks like that, and
    /// what was sent can still be read.
    pub(crate) fn check(&self, stream: &TcpStream, peer: SocketAddr) -> Result<(), Refusal> {
        match &self.0 {
            Some(query) => query.check(stream, peer),
            None => Ok(()),
        }
    }
}
