//! Certificates for the tests.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls;

/// A certificate authority that no system trusts.
pub(in super::super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(in super::super) fn new() -> Self {
        Self::named("Authority of a test")
    }

    pub(in super::super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(in super::super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The settings of a TLS server with a certificate for `name`.
    pub(super) fn server(&self, name: &str) -> ServerConfig {
        self.server_valid_from(name, 2000, 4000)
    }

    /// The same, with a certificate that is valid in the years `from` to `to`.
    pub(super) fn server_valid_from(&self, name: &str, from: i32, to: i32) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain: Vec<CertificateDer<'static>> = vec![certificate.into()];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        config.with_single_cert(chain, key).unwrap()
    }
}
