//! The certificates that the client trusts.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// The certificates that the browser trusts, for receivers whose redirect URI is `https`. None by default: neither
/// those of the system, nor any other.
#[derive(Debug, Clone)]
pub struct Trust {
    roots: RootCertStore,
}

/// Why certificates cannot be trusted.
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

impl Default for Trust {
    fn default() -> Self {
        Self { roots: RootCertStore::empty() }
    }
}

impl Trust {
    /// Trust the certificates in `pem`: those of authorities, or that of the receiver itself.
    ///
    /// # Errors
    /// If `pem` contains no certificate, or an invalid one.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        let mut trust = Self::default();
        for (certificate, number) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let certificate = certificate.map_err(|error| TrustError::Pem(error.to_string()))?;
            trust
                .roots
                .add(certificate)
                .map_err(|error| TrustError::Certificate { number, reason: error.to_string() })?;
        }
        if trust.roots.is_empty() {
            return Err(TrustError::Empty);
        }
        Ok(trust)
    }

    /// The settings of a client that speaks HTTP/1.1 over TLS 1.2 or 1.3.
    pub(crate) fn config(&self) -> io::Result<Arc<ClientConfig>> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Sessions are stored by host name. Each row has a new receiver at the same host, which knows none of them.
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// A certificate that the client does not accept.
#[derive(Debug, thiserror::Error)]
#[error("{}", reason(.0))]
pub(crate) struct Untrusted(CertificateError);

impl Untrusted {
    /// The error of a handshake, if it is about the certificate.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref()? {
            rustls::Error::InvalidCertificate(problem) => Some(Self(problem.clone())),
            _ => None,
        }
    }

    /// Whether this error of a connection is about the certificate.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

fn reason(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => "no trusted authority has signed it".to_owned(),
        CertificateError::BadSignature => {
            "a trusted authority has the name of its issuer, but another key".to_owned()
        }
        // What `openssl req -x509` creates. rustls has no variant of its own for it.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it is the certificate of an authority (`CA:TRUE`), not of a server".to_owned()
        }
        problem => problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    #[test]
    fn pem_without_a_valid_certificate_is_an_error() {
        let valid = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap().cert.pem();
        let broken = valid.replace("\nMII", "\nAAA");
        for (pem, expected) in [
            ("", "no certificate found: expected `-----BEGIN CERTIFICATE-----`"),
            ("text", "no certificate found: expected `-----BEGIN CERTIFICATE-----`"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "invalid PEM: "),
            (&format!("{valid}{broken}"), "invalid certificate 2: "),
        ] {
            let error = Trust::from_pem(pem.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{pem}: {error}");
        }
        let trust = Trust::from_pem(format!("# two\n{valid}\n{valid}").as_bytes()).unwrap();
        assert_eq!(trust.roots.len(), 2);
    }
}
