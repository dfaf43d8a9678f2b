//! Asks the Linux kernel for the owner of a TCP socket: sock_diag(7).

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use crate::request::Refusal;

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};
use rustix::process::getuid;

/// `SOCK_DIAG_BY_FAMILY` in linux/sock_diag.h: the message type of the request and of the answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST` in linux/netlink.h: a request for one socket, not for a list.
const REQUEST: u16 = 1;
/// Socket states of linux/tcp_states.h.
const ESTABLISHED: u8 = 1;
const FIN_WAIT_1: u8 = 4;
const FIN_WAIT_2: u8 = 5;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;
/// `struct nlmsghdr`, `struct inet_diag_req_v2` and `struct inet_diag_msg`, in bytes.
const HEADER: usize = 16;
const QUESTION: usize = HEADER + 56;
const ANSWER: usize = HEADER + 72;

/// A netlink socket for queries, and the users that may connect.
#[derive(Debug)]
pub(super) struct OwnerQuery {
    netlink: OwnedFd,
    users: Vec<u32>,
    /// The number of requests so far. Each answer has the number of its request.
    asked: Cell<u32>,
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

/// The kernel's information about a TCP socket.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    state: u8,
    local: SocketAddr,
    remote: SocketAddr,
    user: u32,
    inode: u32,
}

impl OwnerQuery {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let family = AddressFamily::NETLINK;
        let netlink = socket_with(family, SocketType::DGRAM, flags, Some(SOCK_DIAG))?;
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
        Ok(Self { netlink, users, asked: Cell::new(0) })
    }

    /// Checks that the kernel finds the listener at `local`.
    ///
    /// # Errors
    /// Fails if the kernel does not find it. It would not find connections either.
    pub(super) fn find_listener(&self, local: SocketAddr) -> io::Result<()> {
        let unspecified: SocketAddr = match local.ip() {
            IpAddr::V4(_) => ([0; 4], 0).into(),
            IpAddr::V6(_) => ([0; 16], 0).into(),
        };
        match self.find(local, unspecified)? {
            found if found.state == LISTEN && found.local == local => Ok(()),
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
        let found = self.find(peer, local).map_err(gone)?;
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
        let own = self.find(local, peer).map_err(gone)?;
        if matches!(own.state, ESTABLISHED | CLOSE_WAIT) && u64::from(own.inode) == inode {
            Ok(())
        } else {
            Err(Refusal::PeerGone)
        }
    }

    fn find(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Found> {
        let number = self.asked.get().wrapping_add(1);
        self.asked.set(number);
        send(&self.netlink, &question(local, remote, number), SendFlags::empty())?;
        let mut answer = [0; 1024];
        // The kernel answers before `send` returns.
        let (length, _) = recv(&self.netlink, &mut answer, RecvFlags::empty())?;
        parse(&answer[..length], number)
            .ok_or_else(|| io::Error::other("the kernel does not know this socket"))
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

fn question(local: SocketAddr, remote: SocketAddr, number: u32) -> [u8; QUESTION] {
    const IPPROTO_TCP: u8 = 6;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    let mut question = [0; QUESTION];
    let mut put = |at: usize, bytes: &[u8]| question[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &(QUESTION as u32).to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &REQUEST.to_ne_bytes());
    put(8, &number.to_ne_bytes());
    put(HEADER, &[if local.is_ipv4() { AF_INET } else { AF_INET6 }, IPPROTO_TCP]);
    // A bit mask: sockets in every state.
    put(HEADER + 4, &u32::MAX.to_ne_bytes());
    put(HEADER + 8, &local.port().to_be_bytes());
    put(HEADER + 10, &remote.port().to_be_bytes());
    for (at, addr) in [(HEADER + 12, local), (HEADER + 28, remote)] {
        match addr.ip() {
            IpAddr::V4(ip) => put(at, &ip.octets()),
            IpAddr::V6(ip) => put(at, &ip.octets()),
        }
    }
    // `INET_DIAG_NOCOOKIE`: match any socket with these addresses.
    put(HEADER + 48, &u64::MAX.to_ne_bytes());
    question
}

fn parse(answer: &[u8], number: u32) -> Option<Found> {
    let u16_at = |at: usize| Some([*answer.get(at)?, *answer.get(at + 1)?]);
    let u32_at = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let is_answer = u16::from_ne_bytes(u16_at(4)?) == BY_FAMILY && u32_at(8)? == number;
    if answer.len() < ANSWER || !is_answer {
        return None;
    }
    let addr = |ip_at: usize, port_at: usize| {
        let octets: [u8; 16] = answer.get(ip_at..ip_at + 16)?.try_into().ok()?;
        let ip = match answer[HEADER] {
            2 => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]),
            // An IPv6 socket may have an IPv4-mapped address.
            _ => Ipv6Addr::from(octets).to_canonical(),
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes(u16_at(port_at)?)))
    };
    Some(Found {
        state: *answer.get(HEADER + 1)?,
        local: addr(HEADER + 8, HEADER + 4)?,
        remote: addr(HEADER + 24, HEADER + 6)?,
        user: u32_at(HEADER + 64)?,
        inode: u32_at(HEADER + 68)?,
    })
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
