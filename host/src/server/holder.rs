//! Finds the process that holds a port. Works only on Linux.

use std::fmt;
use std::net::SocketAddr;

use crate::visible::{NAME, beginning, visible};

/// Who holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holder {
    /// A process of this user. Root sees those of every user.
    #[non_exhaustive]
    Process {
        /// The ID of the process.
        id: u32,
        /// Its name, which the process chooses: `comm` in proc(5).
        name: String,
    },
    /// A process of another user, which the system does not show.
    OtherUser,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { id, name } => {
                write!(f, "`{}` (process {id})", beginning(&visible(name), NAME))
            }
            Self::OtherUser => f.write_str("a program of another user"),
        }
    }
}

impl Holder {
    /// Returns who holds the port of `addr`, or `None` if the system does not report it.
    #[cfg(target_os = "linux")]
    pub(super) fn of(addr: SocketAddr) -> Option<Self> {
        let socket = super::sock_diag::SockDiag::open().ok()?.find_listener(addr).ok()?;
        let is_own = socket.user == rustix::process::getuid().as_raw();
        // A process may have handed the socket down to its children. It usually has the lowest number.
        match processes_with(socket.inode).min() {
            Some(id) => {
                let name = std::fs::read(format!("/proc/{id}/comm")).ok()?;
                let name = String::from_utf8_lossy(&name);
                Some(Self::Process {
                    id,
                    name: name.strip_suffix('\n').unwrap_or(&name).to_owned(),
                })
            }
            // A process of this user may be in another container.
            None => (!is_own).then_some(Self::OtherUser),
        }
    }

    /// Returns who holds the port of `addr`, or `None` if the system does not report it.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_: SocketAddr) -> Option<Self> {
        None
    }
}

/// Returns the visible processes that have this socket open: proc(5).
#[cfg(target_os = "linux")]
fn processes_with(inode: u32) -> impl Iterator<Item = u32> {
    let socket = format!("socket:[{inode}]");
    let has_socket = move |id: &u32| {
        let files = std::fs::read_dir(format!("/proc/{id}/fd"));
        let mut links =
            files.into_iter().flatten().flatten().map(|file| std::fs::read_link(file.path()));
        links.any(|link| link.is_ok_and(|link| link.as_os_str() == socket.as_str()))
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).filter(has_socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_controls_the_terminal_is_escaped() {
        let holder = Holder::Process { id: 7, name: "a\u{1b}[2J\n".to_owned() };
        assert_eq!(holder.to_string(), "`a\\u{1b}[2J\\u{a}` (process 7)");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_is_found_at_its_address_and_at_every_address() {
        use std::net::TcpListener;
        for (bound, asked) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("[::1]:0", "::1"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("[::]:0", "::1"),
        ] {
            let listener = TcpListener::bind(bound).unwrap();
            let port = listener.local_addr().unwrap().port();
            let addr = SocketAddr::new(asked.parse().unwrap(), port);
            let id = std::process::id();
            let holder = Holder::of(addr);
            assert!(
                matches!(holder, Some(Holder::Process { id: found, .. }) if found == id),
                "{bound}: {holder:?}"
            );
            drop(listener);
            assert_eq!(Holder::of(addr), None, "{bound}");
        }
    }
}
