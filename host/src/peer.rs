//! Whose connection it is: only the person's own programs may answer.
//!
//! Linux tells the user of the socket at the other end (`NETLINK_SOCK_DIAG`, sock_diag(7)) to anybody who
//! asks, for a few microseconds each. Elsewhere nobody tells, and the check is off.

use std::io;
use std::net::SocketAddr;

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

    /// Let a connection from `peer` to `local` in, if it is the person's own.
    ///
    /// # Errors
    /// When it is another user's, or nobody's any more: whoever sends and closes at once looks like that, and
    /// what was sent can still be read.
    pub(crate) fn check(&self, peer: SocketAddr, local: SocketAddr) -> Result<(), Refusal> {
        match &self.0 {
            Some(query) => query.check(peer, local),
            None => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::net::{IpAddr, Ipv6Addr, SocketAddr};
    use std::os::fd::OwnedFd;

    use crate::request::Refusal;

    use rustix::net::netlink::SOCK_DIAG;
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
    };
    use rustix::process::getuid;

    /// `SOCK_DIAG_BY_FAMILY` in linux/sock_diag.h: the type of the question and of the answer.
    const BY_FAMILY: u16 = 20;
    /// `NLM_F_REQUEST` in linux/netlink.h: one exact question, not a list.
    const REQUEST: u16 = 1;
    /// The states of linux/tcp_states.h that count.
    const LISTEN: u8 = 10;
    const TIME_WAIT: u8 = 6;
    /// `struct nlmsghdr`, `struct inet_diag_req_v2` and `struct inet_diag_msg`, in bytes.
    const HEADER: usize = 16;
    const QUESTION: usize = HEADER + 56;
    const ANSWER: usize = HEADER + 72;

    /// A socket to ask the kernel through, and who may connect.
    #[derive(Debug)]
    pub(super) struct Query {
        netlink: OwnedFd,
        users: Vec<u32>,
    }

    /// What the kernel says of a TCP socket.
    #[derive(Debug, PartialEq, Eq)]
    struct Found {
        state: u8,
        local: SocketAddr,
        remote: SocketAddr,
        user: u32,
        inode: u32,
    }

    impl Query {
        pub(super) fn open() -> io::Result<Self> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let family = AddressFamily::NETLINK;
            let netlink = socket_with(family, SocketType::DGRAM, flags, Some(SOCK_DIAG))?;
            // Under sudo the browser is that of the person who called it: only who starts this program says so.
            let caller = std::env::var("SUDO_UID").ok().and_then(|user| user.parse().ok());
            let users = [Some(0), Some(getuid().as_raw()), caller].into_iter().flatten().collect();
            Ok(Self { netlink, users })
        }

        /// # Errors
        /// When the kernel does not know our own listener: then it knows nobody.
        pub(super) fn find_listener(&self, local: SocketAddr) -> io::Result<()> {
            let nobody: SocketAddr = match local.ip() {
                IpAddr::V4(_) => ([0; 4], 0).into(),
                IpAddr::V6(_) => ([0; 16], 0).into(),
            };
            match self.find(local, nobody)? {
                found if found.state == LISTEN && found.local == local => Ok(()),
                _ => Err(io::Error::other("the kernel knows another socket there")),
            }
        }

        /// Whether the socket at `peer` that is connected to `local` belongs to one of our users.
        pub(super) fn check(&self, peer: SocketAddr, local: SocketAddr) -> Result<(), Refusal> {
            let found = self.find(peer, local).map_err(|_| Refusal::PeerGone)?;
            let is_connected = !matches!(found.state, LISTEN | TIME_WAIT)
                && (found.local, found.remote) == (peer, local)
                && found.inode != 0;
            match is_connected {
                false => Err(Refusal::PeerGone),
                true if self.users.contains(&found.user) => Ok(()),
                true => Err(Refusal::OtherUser),
            }
        }

        fn find(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Found> {
            send(&self.netlink, &question(local, remote), SendFlags::empty())?;
            let mut answer = [0; 1024];
            // The kernel answers before `send` returns.
            let (length, _) = recv(&self.netlink, &mut answer, RecvFlags::empty())?;
            parse(&answer[..length])
                .ok_or_else(|| io::Error::other("the kernel knows no such socket"))
        }
    }

    fn question(local: SocketAddr, remote: SocketAddr) -> [u8; QUESTION] {
        const IPPROTO_TCP: u8 = 6;
        const AF_INET: u8 = 2;
        const AF_INET6: u8 = 10;
        let mut question = [0; QUESTION];
        let mut put =
            |at: usize, bytes: &[u8]| question[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &(QUESTION as u32).to_ne_bytes());
        put(4, &BY_FAMILY.to_ne_bytes());
        put(6, &REQUEST.to_ne_bytes());
        put(HEADER, &[if local.is_ipv4() { AF_INET } else { AF_INET6 }, IPPROTO_TCP]);
        // Every state.
        put(HEADER + 4, &u32::MAX.to_ne_bytes());
        put(HEADER + 8, &local.port().to_be_bytes());
        put(HEADER + 10, &remote.port().to_be_bytes());
        for (at, addr) in [(HEADER + 12, local), (HEADER + 28, remote)] {
            match addr.ip() {
                IpAddr::V4(ip) => put(at, &ip.octets()),
                IpAddr::V6(ip) => put(at, &ip.octets()),
            }
        }
        // `INET_DIAG_NOCOOKIE`: whichever socket it is.
        put(HEADER + 48, &u64::MAX.to_ne_bytes());
        question
    }

    fn parse(answer: &[u8]) -> Option<Found> {
        let u16_at = |at: usize| Some([*answer.get(at)?, *answer.get(at + 1)?]);
        let u32_at = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        if answer.len() < ANSWER || u16::from_ne_bytes(u16_at(4)?) != BY_FAMILY {
            return None;
        }
        let addr = |ip_at: usize, port_at: usize| {
            let octets: [u8; 16] = answer.get(ip_at..ip_at + 16)?.try_into().ok()?;
            let ip = match answer[HEADER] {
                2 => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]),
                // A socket of IPv6 may talk IPv4.
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

        fn check(query: &Query, server: &TcpStream) -> Result<(), Refusal> {
            query.check(server.peer_addr().unwrap(), server.local_addr().unwrap())
        }

        #[test]
        fn a_connection_of_this_user_is_ours_until_it_is_closed() {
            let query = Query::open().unwrap();
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
        fn a_socket_that_only_listens_where_the_client_was_is_not_the_client() {
            let query = Query::open().unwrap();
            let (_listener, client, server) = pair("127.0.0.1");
            let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let gone = Err(Refusal::PeerGone);
            assert_eq!(query.check(nobody, server.local_addr().unwrap()), gone);
            let other = TcpListener::bind("127.0.0.1:0").unwrap();
            let listening = other.local_addr().unwrap();
            assert_eq!(query.check(listening, server.local_addr().unwrap()), gone);
            drop(client);
        }

        #[test]
        fn a_user_who_is_not_ours_is_refused() {
            let mut query = Query::open().unwrap();
            let (_listener, _client, server) = pair("127.0.0.1");
            query.users = vec![getuid().as_raw().wrapping_add(1)];
            assert_eq!(check(&query, &server), Err(Refusal::OtherUser));
        }

        #[test]
        fn a_port_where_nobody_listens_tells_that_the_check_does_not_work() {
            let query = Query::open().unwrap();
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            assert!(query.find_listener(free).is_err());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io;
    use std::net::SocketAddr;

    use crate::request::Refusal;

    /// Nobody tells.
    #[derive(Debug)]
    pub(super) enum Query {}

    impl Query {
        pub(super) fn open() -> io::Result<Self> {
            Err(io::Error::other("this system does not tell whose a connection is"))
        }

        pub(super) fn find_listener(&self, _: SocketAddr) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn check(&self, _: SocketAddr, _: SocketAddr) -> Result<(), Refusal> {
            match *self {}
        }
    }
}
