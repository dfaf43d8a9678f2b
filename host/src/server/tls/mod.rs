//! TLS at the listener: the certificate of a run, and the handshake of a connection.

mod handshake;
mod identity;

pub(super) use handshake::{Opened, open};
pub use identity::{CertificateProblem, KeyProblem, TlsIdentity, TlsIdentityError};
