//! The flags that grant a guest the network.

use std::io;
use std::path::PathBuf;

use clap::Args;
use curtaincall::error::{GrantError, TrustError};
use curtaincall::internals::files;
use curtaincall::{NetGrants, Trust};

/// Flags that grant a guest the network.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Grants")]
pub(crate) struct NetArgs {
    /// Let the guest send requests to this URL: with a path, to this endpoint, which may get secrets and whose answers
    /// it cannot read; without a path, to this origin, whose answers it can read
    #[arg(long, value_name = "URL")]
    allow_net: Vec<String>,
    /// Let the guest open its authorization URL at this origin
    #[arg(long, value_name = "ORIGIN")]
    allow_open: Vec<String>,
    /// Let granted names resolve to private addresses
    #[arg(long)]
    allow_private_net: bool,
    /// Read grants for the network from a TOML file
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
    /// Trust the certificates in this PEM file, in addition to those of the system
    #[arg(long, value_name = "FILE")]
    ca_cert: Vec<PathBuf>,
}

/// Why the flags for the network are invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetArgsError {
    /// The value of a flag is not a grant.
    #[error("invalid value in {flag}: {problem}")]
    Grant { flag: &'static str, problem: GrantError },
    /// A file contains an invalid grant.
    #[error("invalid grants in `{}`{}", .path.display(), in_file(.problem))]
    Grants { path: PathBuf, problem: GrantError },
    /// A file contains no valid certificate.
    #[error("invalid certificates in `{}`: {problem}", .path.display())]
    Certificates { path: PathBuf, problem: TrustError },
    /// A file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Returns where and what the problem is, after the name of the file.
fn in_file(problem: &GrantError) -> String {
    match problem {
        GrantError::File { line, column, message } => {
            format!(" at line {line}, column {column}: {message}")
        }
        problem => format!(": {problem}"),
    }
}

impl NetArgs {
    /// Returns whether a flag names a file. Reading the file may block, because it may be a named pipe.
    pub(super) fn reads_files(&self) -> bool {
        self.grants.is_some() || !self.ca_cert.is_empty()
    }

    /// Returns what the guest may reach.
    pub(crate) fn grants(&self) -> Result<NetGrants, NetArgsError> {
        let mut grants = NetGrants::default();
        if let Some(path) = &self.grants {
            let text = files::text(path)
                .map_err(|source| NetArgsError::Read { path: path.clone(), source })?;
            let file = NetGrants::from_toml(&text)
                .map_err(|problem| NetArgsError::Grants { path: path.clone(), problem })?;
            grants.merge(file);
        }
        for url in &self.allow_net {
            let granted = grants.allow(url);
            granted.map_err(|problem| NetArgsError::Grant { flag: "--allow-net", problem })?;
        }
        for origin in &self.allow_open {
            let granted = grants.allow_open(origin);
            granted.map_err(|problem| NetArgsError::Grant { flag: "--allow-open", problem })?;
        }
        if self.allow_private_net {
            grants.allow_private(true);
        }
        Ok(grants)
    }

    /// Returns the certificates that requests trust, in addition to those of the system.
    pub(crate) fn trust(&self) -> Result<Trust, NetArgsError> {
        let mut trust = Trust::default();
        for path in &self.ca_cert {
            let pem = files::text(path)
                .map_err(|source| NetArgsError::Read { path: path.clone(), source })?;
            trust
                .add_pem(pem.as_bytes())
                .map_err(|problem| NetArgsError::Certificates { path: path.clone(), problem })?;
        }
        Ok(trust)
    }
}
