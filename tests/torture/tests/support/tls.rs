//! Certificates, and TLS servers that have them.

use std::sync::Arc;

use callback_torture::Trust;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};

/// A certificate and its private key, both in PEM.
#[derive(Debug)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Identity {
    /// A self-signed certificate for `127.0.0.1`.
    pub fn self_signed() -> Self {
        Self::signed(&params())
    }

    /// A self-signed certificate with these contents.
    pub fn signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A certificate for `127.0.0.1` that an authority has signed, and the certificate of the authority in PEM.
    pub fn from_authority() -> (Self, String) {
        let mut authority = CertificateParams::new([]).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(authority, issuer).unwrap();
        let mut server = params();
        server.distinguished_name.push(DnType::CommonName, "server");
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap();
        (Self { certificate: certificate.pem(), key: key.serialize_pem() }, issuer.pem())
    }

    /// Trust in this certificate.
    pub fn trust(&self) -> Trust {
        Trust::from_pem(self.certificate.as_bytes()).unwrap()
    }

    /// The settings of a server with this certificate.
    pub fn server(&self) -> Arc<ServerConfig> {
        self.server_with(rustls::DEFAULT_VERSIONS)
    }

    /// The same, with these versions of TLS.
    pub fn server_with(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let certificates = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        let certificates = certificates.collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).unwrap().with_no_client_auth();
        Arc::new(config.with_single_cert(certificates, key).unwrap())
    }
}

/// The contents of a certificate for `127.0.0.1`.
pub fn params() -> CertificateParams {
    CertificateParams::new(["127.0.0.1".to_owned()]).unwrap()
}
