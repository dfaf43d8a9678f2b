//! The end of a connection: nothing that was sent may be destroyed by how we close.
//!
//! Closing a socket with unread data, or meeting late data, sends a reset, and a reset can throw away
//! what the client has not read yet. So: shut down our side, read what still comes, and close when
//! the client has closed, or has everything and owes nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often to ask the kernel whether the client has everything; there is no event for it.
const ASK_EVERY: Duration = Duration::from_millis(1);
/// How long a client that has the whole answer may go on sending its request.
const LINGER: Duration = Duration::from_millis(500);

/// Our FIN counts as one byte, and a client that keeps its socket open takes 40 ms to acknowledge it.
const FIN: std::ffi::c_int = 1;

/// Close gently. Returns whether everything that was sent arrived.
///
/// `client_owes` says that the client may still be sending. Has no deadline for a client that reads
/// slowly: that is the caller's.
pub(crate) async fn close(stream: &mut TcpStream, mut client_owes: bool) -> bool {
    if stream.shutdown().await.is_err() {
        return false;
    }
    let mut asking = interval(ASK_EVERY);
    asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut delivered: Option<Instant> = None;
    let mut discarded = vec![0; 16 << 10];
    loop {
        tokio::select! {
            read = stream.read(&mut discarded) => match read {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return delivered.is_some(),
            },
            now = asking.tick() => {
                if delivered.is_none() {
                    let unacknowledged = unacknowledged(stream);
                    // Where the kernel does not tell, a client that stays gets the whole linger.
                    client_owes |= unacknowledged.is_none();
                    delivered = (unacknowledged.unwrap_or(0) <= FIN).then_some(now);
                }
                if delivered.is_some_and(|since| !client_owes || now - since >= LINGER) {
                    return true;
                }
            }
        }
    }
}

/// What the client's side has not acknowledged: `SIOCOUTQ`, tcp(7).
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the ioctl has no safe wrapper")]
fn unacknowledged(stream: &TcpStream) -> Option<std::ffi::c_int> {
    use rustix::ioctl::{Getter, Opcode, ioctl};
    /// The same number as `TIOCOUTQ` on every Linux architecture of this kind.
    const SIOCOUTQ: Opcode = 0x5411;
    // SAFETY: SIOCOUTQ writes one int and reads nothing.
    unsafe { ioctl(stream, Getter::<SIOCOUTQ, std::ffi::c_int>::new()) }.ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unacknowledged(_: &TcpStream) -> Option<std::ffi::c_int> {
    None
}
