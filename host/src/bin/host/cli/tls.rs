//! The flags to receive the callback over https.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use curtaincall::TlsIdentity;
use curtaincall::error::{CertificateProblem, KeyProblem, TlsIdentityError};
use curtaincall::internals::files::{self, TEXT_LIMIT};

/// Flags for a redirect URI with `https`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TlsArgs {
    /// Receive the callback over https, with the certificate in this PEM file, which may contain its whole chain
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate: a PEM file, not encrypted
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Why the files of `--tls-cert` and `--tls-key` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsArgsError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file of `--tls-cert` contains no certificate that can be used.
    #[error("invalid certificate in `{}`: {problem}", .path.display())]
    Certificate { path: PathBuf, problem: CertificateProblem },
    /// The file of `--tls-key` contains no key that can be used.
    #[error("invalid private key in `{}`: {problem}", .path.display())]
    Key { path: PathBuf, problem: KeyProblem },
    /// The certificate cannot be used for another reason.
    #[error(transparent)]
    Other(TlsIdentityError),
}

impl TlsArgs {
    /// Returns whether the redirect URI has the scheme `https`.
    pub(crate) fn is_on(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Returns whether both are regular files, which can be read at once.
    pub(crate) fn are_files(&self) -> bool {
        [&self.tls_cert, &self.tls_key].into_iter().flatten().all(|path| path.is_file())
    }

    /// Reads the certificate and its key. Blocks if a file is a named pipe without a writer.
    pub(crate) fn read(&self) -> Result<Option<TlsIdentity>, TlsArgsError> {
        // clap requires both.
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let identity = TlsIdentity::from_pem(&content(certificate)?, &content(key)?);
        identity.map(Some).map_err(|error| match error {
            TlsIdentityError::Certificate(problem) => {
                TlsArgsError::Certificate { path: certificate.clone(), problem }
            }
            TlsIdentityError::Key(problem) => TlsArgsError::Key { path: key.clone(), problem },
            error => TlsArgsError::Other(error),
        })
    }
}

/// Reads a file as bytes: it may be no text, but a certificate in another format.
fn content(path: &Path) -> Result<Vec<u8>, TlsArgsError> {
    let content = File::open(path).and_then(|file| files::content(file, TEXT_LIMIT));
    content.map_err(|source| TlsArgsError::Read { path: path.to_owned(), source })
}
