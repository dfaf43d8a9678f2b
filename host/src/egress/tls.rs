//! TLS to servers and proxies, with the certificates that the system trusts.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsConnector, rustls};
use url::Host;

use super::problem::Problem;

/// Root certificates that are trusted besides those of the system.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    roots: Vec<CertificateDer<'static>>,
}

/// Why root certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The text is not PEM (RFC 7468).
    #[error("invalid PEM: {0}")]
    Pem(String),
    /// There is no certificate in it.
    #[error("no certificate found: expected `-----BEGIN CERTIFICATE-----`")]
    Empty,
    /// A certificate is invalid.
    #[error("invalid certificate {number}: {reason}")]
    Certificate {
        /// Its place in the text, from 1.
        number: usize,
        /// The reason.
        reason: String,
    },
}

impl Trust {
    /// Trusts every certificate in `pem` as a root.
    ///
    /// # Errors
    /// Fails if `pem` contains no certificate, or an invalid one. Then nothing is added.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), TrustError> {
        let roots: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| TrustError::Pem(error.to_string()))?;
        if roots.is_empty() {
            return Err(TrustError::Empty);
        }
        for (root, number) in roots.iter().zip(1..) {
            RootCertStore::empty()
                .add(root.clone())
                .map_err(|error| TrustError::Certificate { number, reason: error.to_string() })?;
        }
        self.roots.extend(roots);
        Ok(())
    }
}

/// The TLS client. It reads the system's certificates at the first handshake, so that a run without TLS does not.
pub(super) struct Tls {
    trust: Trust,
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    pub(super) fn new(trust: Trust) -> Self {
        Self { trust, connector: OnceCell::new() }
    }

    /// Establishes TLS with `host` over `stream`, for HTTP/1.1.
    pub(super) async fn handshake<S>(&self, host: &Host, stream: S) -> Result<TlsStream<S>, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = self.connector.get_or_try_init(|| connector(self.trust.clone())).await?;
        let name = match host {
            Host::Ipv4(address) => ServerName::from(IpAddr::from(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::from(*address)),
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| Problem::Url)?,
        };
        connector.connect(name, stream).await.map_err(Problem::of_tls)
    }

    /// Returns whether the certificates have been read.
    #[cfg(test)]
    pub(super) fn is_ready(&self) -> bool {
        self.connector.initialized()
    }
}

/// Reads the certificates on a blocking thread. There, neither the time nor the memory counts towards a guest.
async fn connector(trust: Trust) -> Result<TlsConnector, Problem> {
    let config = spawn_blocking(|| config(trust)).await;
    let config = config.map_err(|error| Problem::Connect(io::Error::other(error)))?;
    Ok(TlsConnector::from(Arc::new(config?)))
}

fn config(trust: Trust) -> Result<ClientConfig, Problem> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(trust, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Problem::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A run makes a few requests, so a session would hardly be used again.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The system's verifier. On Linux, the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the
/// system's certificates.
fn verifier(trust: Trust, provider: Arc<CryptoProvider>) -> Result<Verifier, Problem> {
    Verifier::new_with_extra_roots(trust.roots, provider).map_err(|error| match error {
        // The verifier has no other general error.
        rustls::Error::General(_) => Problem::NoRoots,
        error => Problem::Tls(error),
    })
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::super::tests::certificates::Authority;
    use super::*;

    #[test]
    fn pem_without_a_valid_certificate_is_an_error() {
        let mut trust = Trust::default();
        let valid = Authority::new().pem();
        let broken = valid.replace("\nMII", "\nAAA");
        for (pem, expected) in [
            ("", "no certificate found: expected `-----BEGIN CERTIFICATE-----`"),
            ("text", "no certificate found: expected `-----BEGIN CERTIFICATE-----`"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "invalid PEM: "),
            (&broken, "invalid certificate 1: "),
            (&format!("{valid}{broken}"), "invalid certificate 2: "),
        ] {
            let error = trust.add_pem(pem.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{pem}: {error}");
        }
        assert!(trust.roots.is_empty());
        trust.add_pem(format!("# two\n{valid}\n{valid}").as_bytes()).unwrap();
        assert_eq!(trust.roots.len(), 2);
    }

    /// The test starts itself again, because the environment belongs to the whole process.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_system_without_root_certificates_is_an_error_unless_others_are_given() {
        const AGAIN: &str = "EGRESS_TEST_WITHOUT_ROOTS";
        if env::var_os(AGAIN).is_some() {
            let problem = config(Trust::default()).unwrap_err();
            assert!(matches!(problem, Problem::NoRoots), "{problem}");
            let mut trust = Trust::default();
            trust.add_pem(Authority::new().pem().as_bytes()).unwrap();
            config(trust).unwrap();
            return;
        }
        let name = "egress::tls::tests::a_system_without_root_certificates_is_an_error_unless_others_are_given";
        let again = Command::new(env::current_exe().unwrap())
            .args(["--exact", name])
            .env(AGAIN, "1")
            .env("SSL_CERT_FILE", "/nonexistent/file")
            .env("SSL_CERT_DIR", "/nonexistent/folder")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && output.contains("1 passed"), "{output}");
    }
}
