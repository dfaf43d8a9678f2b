//! Closes a connection without losing data that was sent.
//!
//! If a socket is closed while it has unread data, or if data arrives after the close, the kernel sends a reset.
//! A reset can discard data that the client has not read yet. So the host shuts down its side and discards what
//! still arrives. It closes the socket when the client has closed, or has the whole answer and sends nothing more.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::stream::Stream;

/// How often to ask the kernel whether the client has received everything. There is no event for that.
const ASK_EVERY: Duration = Duration::from_millis(1);
/// How long a client that has the whole answer may continue to send its request.
const LINGER: Duration = Duration::from_millis(500);

/// The host's FIN, which counts as one byte.
const FIN: usize = 1;

/// Closes the connection without a reset. Returns whether the whole answer arrived.
///
/// `may_send_more` says whether the client may still be sending. The caller sets the deadline for a client that
/// reads slowly.
pub(crate) async fn close(stream: &mut impl Stream, mut may_send_more: bool) -> bool {
    if stream.flush().await.is_err() {
        return false;
    }
    let end = stream.end();
    let stream = stream.socket();
    // Bytes after the answer. A client that keeps its socket open acknowledges them only after 40 ms.
    let mut after = 0;
    let mut is_open = stream.write_all(&end).await.is_ok();
    if is_open {
        after += end.len();
        is_open = stream.shutdown().await.is_ok();
    }
    if !is_open {
        // The client has closed its socket. If TLS's end of the stream arrived after that, it caused a reset.
        return unacknowledged(stream).is_some_and(|count| count <= after);
    }
    after += FIN;
    let mut asking = interval(ASK_EVERY);
    asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut delivered: Option<Instant> = None;
    let mut discarded = vec![0; 16 << 10];
    loop {
        tokio::select! {
            read = stream.read(&mut discarded) => match read {
                Ok(0) => return true,
                Ok(_) => {}
                // The client closed its socket before it read the end of the stream.
                Err(_) => {
                    return delivered.is_some()
                        || unacknowledged(stream).is_some_and(|count| count <= after);
                }
            },
            now = asking.tick() => {
                if delivered.is_none() {
                    let unacknowledged = unacknowledged(stream);
                    // Without an answer from the kernel, wait the whole linger time for the client to close.
                    may_send_more |= unacknowledged.is_none();
                    delivered = (unacknowledged.unwrap_or(0) <= after).then_some(now);
                }
                if delivered.is_some_and(|since| !may_send_more || now - since >= LINGER) {
                    return true;
                }
            }
        }
    }
}

/// Returns the number of bytes that the client has not acknowledged: `SIOCOUTQ`, tcp(7).
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "the ioctl has no safe wrapper")]
fn unacknowledged(stream: &TcpStream) -> Option<usize> {
    use rustix::ioctl::{Getter, Opcode, ioctl};
    /// The value of `TIOCOUTQ`, which is the same on most Linux architectures.
    const SIOCOUTQ: Opcode = 0x5411;
    // SAFETY: SIOCOUTQ writes one int and reads nothing.
    let count = unsafe { ioctl(stream, Getter::<SIOCOUTQ, std::ffi::c_int>::new()) }.ok()?;
    count.try_into().ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unacknowledged(_: &TcpStream) -> Option<usize> {
    None
}
