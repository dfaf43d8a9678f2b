//! Asks the Linux kernel about a TCP socket: sock_diag(7).

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY` in linux/sock_diag.h: the message type of the request and of the answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST` in linux/netlink.h: a request for one socket, not for a list.
const REQUEST: u16 = 1;
/// Socket states of linux/tcp_states.h.
pub(super) const ESTABLISHED: u8 = 1;
pub(super) const FIN_WAIT_1: u8 = 4;
pub(super) const FIN_WAIT_2: u8 = 5;
pub(super) const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;
/// `struct nlmsghdr`, `struct inet_diag_req_v2` and `struct inet_diag_msg`, in bytes.
const HEADER: usize = 16;
const QUESTION: usize = HEADER + 56;
const ANSWER: usize = HEADER + 72;

/// A netlink socket for queries. A query takes a few microseconds.
#[derive(Debug)]
pub(super) struct SockDiag {
    netlink: OwnedFd,
    /// The number of requests so far. Each answer has the number of its request.
    asked: Cell<u32>,
}

/// The kernel's information about a TCP socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) state: u8,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) user: u32,
    pub(super) inode: u32,
}

impl SockDiag {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let family = AddressFamily::NETLINK;
        let netlink = socket_with(family, SocketType::DGRAM, flags, Some(SOCK_DIAG))?;
        Ok(Self { netlink, asked: Cell::new(0) })
    }

    /// Returns the listener that gets connections to `local`. It may be bound to every address.
    ///
    /// # Errors
    /// Fails if the kernel does not find one.
    pub(super) fn find_listener(&self, local: SocketAddr) -> io::Result<Found> {
        let unspecified: SocketAddr = match local.ip() {
            IpAddr::V4(_) => ([0; 4], 0).into(),
            IpAddr::V6(_) => ([0; 16], 0).into(),
        };
        let found = self.find(local, unspecified)?;
        let is_listener = found.state == LISTEN;
        is_listener.then_some(found).ok_or_else(|| io::Error::other("this socket does not listen"))
    }

    /// Returns the socket at `local` whose other end is at `remote`.
    ///
    /// # Errors
    /// Fails if the kernel does not find it.
    pub(super) fn find(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Found> {
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
