//! Certificates, and the settings of TLS servers and clients that have or trust them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{
    ClientConfig, DEFAULT_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion,
};

use super::guest;

/// The names of loopback.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate authority that no system trusts.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    name: &'static str,
}

/// A certificate and its private key, as PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// `name` must be unique among the tests.
    pub fn new(name: &'static str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, name }
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A file with its certificate.
    pub fn file(&self) -> PathBuf {
        guest::write(&format!("authority-{}.pem", self.name), self.pem().as_bytes())
    }

    /// A certificate for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    /// A certificate for these names and addresses, with changed parameters.
    pub fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The settings of a TLS server with a certificate for the host `name`.
    pub fn server(&self, name: &str) -> ServerConfig {
        let Issued { certificate, key } = self.issue(&[name]);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        config.with_single_cert(vec![certificate], PrivateKeyDer::from(key)).unwrap()
    }

    /// The settings of a TLS client that trusts it.
    pub fn client(&self) -> ClientConfig {
        self.client_of(DEFAULT_VERSIONS)
    }

    /// The same, for a client that supports only these versions.
    pub fn client_of(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).unwrap();
        config.with_root_certificates(roots).with_no_client_auth()
    }
}

impl Issued {
    /// The files of its certificate and its key.
    pub fn files(&self, name: &str) -> [PathBuf; 2] {
        let file =
            |part: &str, pem: &str| guest::private(&format!("{name}-{part}.pem"), pem.as_bytes());
        [file("cert", &self.certificate), file("key", &self.key)]
    }

    /// The flags for its files.
    pub fn flags(&self, name: &str) -> [OsString; 4] {
        let [certificate, key] = self.files(name);
        ["--tls-cert".into(), certificate.into(), "--tls-key".into(), key.into()]
    }
}

struct Loopback {
    flags: [OsString; 4],
    client: Arc<ClientConfig>,
}

static LOCAL: LazyLock<Loopback> = LazyLock::new(|| {
    let authority = Authority::new("loopback");
    let flags = authority.issue(&LOOPBACK).flags("loopback");
    Loopback { flags, client: Arc::new(authority.client()) }
});

/// The flags of `host` for a certificate that [`loopback_client`] trusts.
pub fn loopback_flags() -> [OsString; 4] {
    LOCAL.flags.clone()
}

/// The settings of a client that trusts the certificate of [`loopback_flags`].
pub fn loopback_client() -> Arc<ClientConfig> {
    Arc::clone(&LOCAL.client)
}
