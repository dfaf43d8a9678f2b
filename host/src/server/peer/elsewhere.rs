//! The check on systems that do not report who owns a connection: it is always off.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::request::Refusal;

/// Has no values, because no query is possible.
#[derive(Debug)]
pub(super) enum OwnerQuery {}

impl OwnerQuery {
    pub(super) fn open() -> io::Result<Self> {
        Err(io::Error::other("this operating system does not report who owns a connection"))
    }

    pub(super) fn find_listener(&self, _: SocketAddr) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn check(&self, _: &TcpStream, _: SocketAddr) -> Result<(), Refusal> {
        match *self {}
    }
}
