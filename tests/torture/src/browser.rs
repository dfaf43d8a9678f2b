//! The browser that a program opens, which passes the URL to its parent.
//!
//! `$BROWSER` is this executable. The program starts it with the URL as its only argument. It finds the address of
//! the parent's socket in the environment, sends the URL there, and exits once the parent has received it.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::invalid;
use crate::target::random_word;

/// The variable that holds the address of the socket and the word that opens it.
pub(crate) const VARIABLE: &str = "CALLBACK_TORTURE_BROWSER";
/// How long the hand-over may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest URL, in bytes.
const LIMIT: u64 = 64 << 10;
/// The reply to a URL that arrived.
const RECEIVED: &[u8] = b"ok";

/// A call of this executable as a browser.
#[derive(Debug)]
pub struct Call {
    place: String,
    url: String,
}

impl Call {
    /// The call, if these arguments (without the name of the program) and the environment are those of one.
    pub fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let place = std::env::var(VARIABLE).ok()?;
        let url = arguments.next()?.into_string().ok()?;
        (arguments.next().is_none() && url.contains("://")).then_some(Self { place, url })
    }

    /// Hand the URL over, and wait until it has arrived.
    ///
    /// # Errors
    /// If the parent does not receive the URL in time.
    pub fn deliver(&self) -> io::Result<()> {
        let (address, word) = self.place.split_once('/').ok_or_else(|| {
            invalid(format!("invalid {VARIABLE} `{}`: expected ADDRESS/WORD", self.place))
        })?;
        let address: SocketAddr = address
            .parse()
            .map_err(|error| invalid(format!("invalid {VARIABLE} `{}`: {error}", self.place)))?;
        let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.write_all(format!("{word} {}", self.url).as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut reply = [0; RECEIVED.len()];
        stream.read_exact(&mut reply)
    }
}

/// Receives the URLs that browsers hand over. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Inbox {
    place: String,
    _stop: oneshot::Sender<()>,
}

impl Inbox {
    /// Call `on_url` with each URL that arrives.
    pub(crate) fn open(on_url: impl Fn(String) + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let word = random_word()?;
        let place = format!("{}/{word}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("browser".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, word, Arc::new(on_url)) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { place, _stop: stop })
    }

    /// The value of [`VARIABLE`] for the browser.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }
}

async fn serve<F>(listener: TcpListener, word: String, on_url: Arc<F>) -> io::Result<()>
where
    F: Fn(String) + Send + Sync + 'static,
{
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let (word, on_url) = (word.clone(), Arc::clone(&on_url));
        tokio::spawn(async move {
            let receive = async {
                let mut text = String::new();
                (&mut stream).take(LIMIT).read_to_string(&mut text).await?;
                // Another local process can connect too, but does not know the word.
                if let Some((_, url)) = text.split_once(' ').filter(|(first, _)| *first == word) {
                    on_url(url.to_owned());
                    stream.write_all(RECEIVED).await?;
                }
                io::Result::Ok(())
            };
            // The browser itself reports a failed delivery.
            let _ = timeout(DEADLINE, receive).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn delivered(word: impl Fn(&str) -> String) -> (io::Result<()>, Option<String>) {
        let (sender, urls) = mpsc::channel();
        let inbox = Inbox::open(move |url| sender.send(url).unwrap()).unwrap();
        let url = "https://idp.example/authorize?a=b c".to_owned();
        let result = Call { place: word(inbox.place()), url }.deliver();
        (result, urls.try_recv().ok())
    }

    #[test]
    fn a_url_has_arrived_when_the_browser_exits() {
        let (result, url) = delivered(str::to_owned);
        result.unwrap();
        assert_eq!(url.as_deref(), Some("https://idp.example/authorize?a=b c"));
    }

    #[test]
    fn a_connection_without_the_secret_word_is_ignored() {
        let (result, url) =
            delivered(|place| format!("{}/guess", place.split_once('/').unwrap().0));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(url, None);
    }
}
