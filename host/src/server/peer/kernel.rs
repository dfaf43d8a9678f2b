//! Asks the Linux kernel who owns the other end of a connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use rustix::process::getuid;

use crate::request::Refusal;
use crate::server::sock_diag::{CLOSE_WAIT, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, SockDiag};

/// The kernel's list of sockets, and the users that may connect.
#[derive(Debug)]
pub(super) struct OwnerQuery {
    sockets: SockDiag,
    users: Vec<u32>,
}

/// A connection with a local address. The tests use a different type of connection than the server.
pub(super) trait Local {
    fn local(&self) -> io::Result<SocketAddr>;
}

impl Local for tokio::net::TcpStream {
    fn local(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl OwnerQuery {
    pub(super) fn open() -> io::Result<Self> {
        let sockets = SockDiag::open()?;
        // Under sudo, the browser runs as the user who called sudo. The caller of this program controls `SUDO_UID`; a
        // client cannot.
        let caller = std::env::var("SUDO_UID").ok().and_then(|user| user.parse().ok());
        let users: Vec<u32> =
            [Some(0), Some(getuid().as_raw()), caller].into_iter().flatten().collect();
        if namespaced() && overflow_user().is_none_or(|user| users.contains(&user)) {
            return Err(io::Error::other(
                "in this user namespace, other users cannot be distinguished from this one",
            ));
        }
        Ok(Self { sockets, users })
    }

    /// Checks that the kernel finds the listener at `local`.
    ///
    /// # Errors
    /// Fails if the kernel does not find it. It would not find connections either.
    pub(super) fn find_listener(&self, local: SocketAddr) -> io::Result<()> {
        match self.sockets.find_listener(local)? {
            found if found.local == local => Ok(()),
            _ => Err(io::Error::other("the kernel reports a different socket for this address")),
        }
    }

    /// Checks that the socket at the other end of `stream` belongs to a user that may connect.
    pub(super) fn check(
        &self,
        stream: &(impl AsFd + Local),
        peer: SocketAddr,
    ) -> Result<(), Refusal> {
        let gone = |_| Refusal::PeerGone;
        let local = stream.local().map_err(gone)?;
        let found = self.sockets.find(peer, local).map_err(gone)?;
        // In the FIN states the peer has closed its sending side, and may wait for the answer.
        let is_connected = matches!(found.state, ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2)
            && (found.local, found.remote) == (peer, local)
            && found.inode != 0;
        if !is_connected {
            return Err(Refusal::PeerGone);
        }
        if !self.users.contains(&found.user) {
            return Err(Refusal::OtherUser);
        }
        // After a client closes, its request can still be read, and another user may reuse its address. If the
        // host's end is still connected, the socket that was found is the one that connected.
        let inode = rustix::fs::fstat(stream).map_err(|error| gone(error.into()))?.st_ino;
        let own = self.sockets.find(local, peer).map_err(gone)?;
        if matches!(own.state, ESTABLISHED | CLOSE_WAIT) && u64::from(own.inode) == inode {
            Ok(())
        } else {
            Err(Refusal::PeerGone)
        }
    }
}

/// Returns whether user IDs differ from those of the machine: user_namespaces(7).
fn namespaced() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// Returns the user ID of all users that are not mapped into this namespace: proc_sys_kernel(5).
fn overflow_user() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair(ip: &str) -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        (listener, client, server)
    }

    impl Local for TcpStream {
        fn local(&self) -> io::Result<SocketAddr> {
            self.local_addr()
        }
    }

    fn check(query: &OwnerQuery, server: &TcpStream) -> Result<(), Refusal> {
        query.check(server, server.peer_addr().unwrap())
    }

    #[test]
    fn a_connection_of_this_user_is_accepted_until_it_is_closed() {
        let query = OwnerQuery::open().unwrap();
        for ip in ["127.0.0.1", "::1"] {
            let (listener, mut client, server) = pair(ip);
            query.find_listener(listener.local_addr().unwrap()).unwrap();
            assert_eq!(check(&query, &server), Ok(()), "{ip}");
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            drop(client);
            assert_eq!(check(&query, &server), Err(Refusal::PeerGone), "{ip}");
        }
    }

    #[test]
    fn a_listening_socket_is_not_taken_for_the_client() {
        let query = OwnerQuery::open().unwrap();
        let (_listener, client, server) = pair("127.0.0.1");
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gone = Err(Refusal::PeerGone);
        assert_eq!(query.check(&server, closed), gone);
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let listening = other.local_addr().unwrap();
        assert_eq!(query.check(&server, listening), gone);
        drop(client);
    }

    #[test]
    fn another_user_is_refused() {
        let mut query = OwnerQuery::open().unwrap();
        let (_listener, _client, server) = pair("127.0.0.1");
        query.users = vec![getuid().as_raw().wrapping_add(1)];
        assert_eq!(check(&query, &server), Err(Refusal::OtherUser));
    }

    #[test]
    fn find_listener_fails_on_a_free_port() {
        let query = OwnerQuery::open().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(query.find_listener(free).is_err());
    }
}
