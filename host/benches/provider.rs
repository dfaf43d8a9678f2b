//! A token endpoint on loopback that takes a fixed time to answer.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use form_urlencoded::parse;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_rustls::rustls;

use crate::support::{DEADLINE, guest};

/// The code that it exchanges.
pub const CODE: &str = "abc";
/// The secret of its client.
pub const SECRET: &str = "hunter2";
/// The access token that it returns for [`CODE`], with the token type `Bearer`.
pub const TOKEN: &str = "the-access-token";

/// A token endpoint. It serves one connection at a time.
pub struct Provider {
    addr: SocketAddr,
    /// The file of the certificate authority to trust. Without one, the provider uses plain HTTP.
    pub authority: Option<PathBuf>,
    answers: Receiver<Duration>,
}

impl Provider {
    /// Start a provider that waits for `delay` before each answer.
    pub fn start(is_tls: bool, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let (authority, tls) = is_tls.then(certify).unzip();
        let (sender, answers) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                stream.set_write_timeout(Some(DEADLINE)).unwrap();
                // As servers do. Otherwise the answer would wait until the host confirms the end of the handshake.
                stream.set_nodelay(true).unwrap();
                let report = |took| sender.send(took).unwrap();
                let served = match &tls {
                    Some(tls) => serve(encrypted(tls, stream), delay, report),
                    None => serve(stream, delay, report),
                };
                if let Err(error) = served {
                    println!("  the connection of the provider failed: {error}");
                }
            }
        });
        Self { addr, authority, answers }
    }

    /// The URL of `path` at this provider.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.addr)
    }

    /// How long its only answer since the last call took, from the last byte of the request to that of the answer.
    pub fn took(&self) -> Duration {
        let took = self.answers.recv_timeout(DEADLINE).expect("the provider received no request");
        assert!(self.answers.try_recv().is_err(), "the provider received a second request");
        took
    }
}

/// Answer the request on this connection, and report how long the answer took.
fn serve(
    stream: impl Read + Write,
    delay: Duration,
    report: impl FnOnce(Duration),
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    // The head ends with an empty line.
    while stream.read_line(&mut head)? > 2 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;

    let asked = Instant::now();
    thread::sleep(delay);
    let answer = answer(&body);
    stream.get_mut().write_all(answer.as_bytes())?;
    stream.get_mut().flush()?;
    report(asked.elapsed());

    // As most servers do, keep the connection open until the client closes it. An error also means that it is closed.
    let _ = stream.read_to_end(&mut body);
    Ok(())
}

/// The answer to a token request: the token, if the request has the code, the client secret and a PKCE verifier.
fn answer(body: &[u8]) -> String {
    let field = |name| parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
    let is_valid = field("code").as_deref() == Some(CODE)
        && field("client_secret").as_deref() == Some(SECRET)
        && field("code_verifier").is_some();
    let (status, body) = if is_valid {
        ("200 OK", format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer"}}"#))
    } else {
        ("400 Bad Request", r#"{"error":"invalid_request"}"#.to_owned())
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn encrypted(
    tls: &Arc<ServerConfig>,
    stream: TcpStream,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(tls)).unwrap(), stream)
}

/// The file of a new certificate authority, and the settings of a server with its certificate for `127.0.0.1`.
fn certify() -> (PathBuf, Arc<ServerConfig>) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Authority of a benchmark");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.into()], key).unwrap();
    (guest::write("authority.pem", authority.pem().as_bytes()), Arc::new(config))
}
