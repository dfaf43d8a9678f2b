//! The certificate chain and the private key of a listener, checked before it listens.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, InconsistentKeys, RootCertStore, ServerConfig};
use tokio_rustls::rustls;

use crate::visible::list;

/// The certificate chain and the private key with which a flow receives its callback over https.
///
/// Its `Debug` output shows neither.
#[derive(Clone)]
pub struct TlsIdentity {
    certificate: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

/// Why a certificate and a private key cannot be used. Never contains any part of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsIdentityError {
    /// The certificates cannot be used.
    #[error("invalid certificate: {0}")]
    Certificate(CertificateProblem),
    /// The private key cannot be used.
    #[error("invalid private key: {0}")]
    Key(KeyProblem),
    /// The certificate is not for the host of the redirect URI, so browsers would refuse it (RFC 6125).
    #[error(
        "the certificate is not for `{host}`, the host of the redirect URI: it {}",
        names(.covered)
    )]
    #[non_exhaustive]
    Host {
        /// The host of the redirect URI.
        host: String,
        /// The names and addresses in the certificate. Browsers ignore its common name.
        covered: Vec<String>,
    },
}

/// Why certificates cannot be used. `number` is the place of a certificate in the text, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// The text is not PEM (RFC 7468).
    #[error("invalid PEM")]
    Pem,
    /// The text contains no certificate.
    #[error("no certificate found: expected `-----BEGIN CERTIFICATE-----`")]
    Missing,
    /// The text contains a private key, and no certificate.
    #[error("expected a certificate, got a private key")]
    IsKey,
    /// A certificate is not valid X.509, or has an unsupported version or extension.
    #[error("cannot parse certificate {number}: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// The certificate.
        number: usize,
        /// The reason.
        reason: String,
    },
    /// A certificate has expired.
    #[error("certificate {number} expired at {not_after}, or the clock of this machine is wrong")]
    #[non_exhaustive]
    Expired {
        /// The certificate.
        number: usize,
        /// When it expired: RFC 3339, in UTC.
        not_after: String,
    },
    /// A certificate is not valid yet.
    #[error(
        "certificate {number} is not valid before {not_before}, or the clock of this machine is wrong"
    )]
    #[non_exhaustive]
    NotYetValid {
        /// The certificate.
        number: usize,
        /// When it becomes valid: RFC 3339, in UTC.
        not_before: String,
    },
    /// The first certificate is not for TLS servers (RFC 5280, section 4.2.1.12).
    #[error("its extended key usage does not allow TLS servers")]
    Purpose,
}

/// Why a private key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The text is not PEM (RFC 7468).
    #[error("invalid PEM")]
    Pem,
    /// The text contains no private key.
    #[error("no private key found: expected `-----BEGIN PRIVATE KEY-----`")]
    Missing,
    /// The text contains a certificate, and no private key.
    #[error("expected a private key, got a certificate")]
    IsCertificate,
    /// The key is encrypted with a passphrase.
    #[error("it is encrypted")]
    Encrypted,
    /// The key is damaged, or has an unsupported type.
    #[error("expected an RSA, ECDSA or Ed25519 key that is not damaged")]
    Unsupported,
    /// The key belongs to another certificate.
    #[error("it does not belong to the certificate")]
    Mismatch,
}

fn names(covered: &[String]) -> String {
    match covered {
        [] => "names no host".to_owned(),
        _ => format!("is for {}", list(covered)),
    }
}

impl TlsIdentity {
    /// Reads a certificate chain and its private key from PEM (RFC 7468). The first certificate is that of the host;
    /// those of the authorities that issued it may follow. Text outside of the PEM blocks is ignored.
    ///
    /// # Errors
    /// Fails if a certificate or the key is missing, invalid or unsupported, if they do not belong together, if a
    /// certificate is not valid now, or if the key is encrypted.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsIdentityError> {
        let chain = chain(certificates).map_err(TlsIdentityError::Certificate)?;
        let provider = Arc::new(ring::default_provider());
        let now = UnixTime::now();
        for (certificate, number) in chain.iter().zip(1..) {
            check(certificate, number, now, &provider).map_err(TlsIdentityError::Certificate)?;
        }
        let certificate = chain[0].clone();
        let identity = certified(chain, key, &provider).map_err(TlsIdentityError::Key)?;
        Ok(Self { certificate, config: Arc::new(config(identity, provider)?) })
    }

    /// Checks that the certificate covers `host`, a name or an IP address.
    ///
    /// # Errors
    /// Fails if it does not.
    pub(crate) fn check_host(&self, host: &str) -> Result<(), TlsIdentityError> {
        let refused = |covered| TlsIdentityError::Host { host: host.to_owned(), covered };
        let name = ServerName::try_from(host).map_err(|_| refused(Vec::new()))?;
        let parsed = ParsedCertificate::try_from(&self.certificate);
        match parsed.and_then(|parsed| verify_server_name(&parsed, &name)) {
            Ok(()) => Ok(()),
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) => Err(refused(presented.iter().filter_map(|name| subject(name)).collect())),
            Err(_) => Err(refused(Vec::new())),
        }
    }

    /// Returns the settings of the TLS server.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateProblem> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateProblem::Pem)?;
    if !chain.is_empty() {
        Ok(chain)
    } else if has_block(pem, "PRIVATE KEY") {
        Err(CertificateProblem::IsKey)
    } else {
        Err(CertificateProblem::Missing)
    }
}

/// Reads the private key, and checks that it belongs to the first certificate of `chain`.
fn certified(
    chain: Vec<CertificateDer<'static>>,
    pem: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, KeyProblem> {
    // A header field of RFC 1421, which OpenSSL still writes.
    if has_block(pem, "ENCRYPTED PRIVATE KEY") || contains(pem, "Proc-Type: 4,ENCRYPTED") {
        return Err(KeyProblem::Encrypted);
    }
    let key = match PrivateKeyDer::pem_slice_iter(pem).next() {
        Some(key) => key.map_err(|_| KeyProblem::Pem)?,
        None if has_block(pem, "CERTIFICATE") => return Err(KeyProblem::IsCertificate),
        None => return Err(KeyProblem::Missing),
    };
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => KeyProblem::Mismatch,
        _ => KeyProblem::Unsupported,
    })
}

/// Returns whether `pem` has a block whose label ends like this.
fn has_block(pem: &[u8], label: &str) -> bool {
    let text = String::from_utf8_lossy(pem);
    let mut lines = text.lines().filter_map(|line| line.trim_end().strip_prefix("-----BEGIN "));
    lines.any(|line| line.strip_suffix("-----").is_some_and(|found| found.ends_with(label)))
}

fn contains(pem: &[u8], text: &str) -> bool {
    pem.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Checks that a certificate is valid at `now`. Does not check the issuer: the browser does that.
fn check(
    certificate: &CertificateDer<'_>,
    number: usize,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<(), CertificateProblem> {
    use CertificateError::{
        Expired, ExpiredContext, InvalidPurpose, InvalidPurposeContext, NotValidYetContext,
    };
    use rustls::Error::InvalidCertificate;

    let invalid = |reason| CertificateProblem::Invalid { number, reason };
    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| match error {
        InvalidCertificate(problem) => invalid(problem.to_string()),
        error => invalid(error.to_string()),
    })?;
    // Without roots, this always fails. It checks the time first, then whether the certificate is that of an authority,
    // its purpose, and at last who issued it.
    let roots = RootCertStore::empty();
    let algorithms = provider.signature_verification_algorithms.all;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms) {
        Err(InvalidCertificate(ExpiredContext { not_after, .. })) => {
            Err(CertificateProblem::Expired { number, not_after: rfc3339(not_after) })
        }
        Err(InvalidCertificate(NotValidYetContext { not_before, .. })) => {
            Err(CertificateProblem::NotYetValid { number, not_before: rfc3339(not_before) })
        }
        Err(InvalidCertificate(Expired)) => {
            Err(invalid("it expires before it becomes valid".to_owned()))
        }
        Err(InvalidCertificate(InvalidPurpose | InvalidPurposeContext { .. })) if number == 1 => {
            Err(CertificateProblem::Purpose)
        }
        _ => Ok(()),
    }
}

/// Formats a time of a certificate. Its year has four digits (RFC 5280, section 4.1.2.5).
fn rfc3339(time: UnixTime) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(time.as_secs())).to_string()
}

/// Returns the settings of a server that answers one request per connection, so that no session is resumed.
fn config(
    identity: CertifiedKey,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, TlsIdentityError> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        // This does not fail, because the provider supports both versions.
        .map_err(|_| TlsIdentityError::Key(KeyProblem::Unsupported))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Returns a name of a certificate, which webpki formats as `DnsName("localhost")` or `IpAddress(127.0.0.1)`.
fn subject(presented: &str) -> Option<String> {
    let (kind, value) = presented.strip_suffix(')')?.split_once('(')?;
    match kind {
        "DnsName" => Some(value.trim_matches('"').to_owned()),
        "IpAddress" => {
            let address = value.parse::<IpAddr>();
            Some(address.map_or(value.to_owned(), |address| address.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
