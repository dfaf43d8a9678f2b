//! The flags that grant something to a guest.

use std::path::PathBuf;

use clap::Args;
use curtaincall::internals::reply::page_grant_names;
use curtaincall::{NetGrants, PageGrant, PageGrants, Trust, Variables};

use super::net::{NetArgs, NetArgsError};
use super::variables::{self, VariableArgsError};

/// Flags that grant something to a guest.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Grants")]
pub(crate) struct GrantArgs {
    #[arg(long, value_name = "GRANT", value_delimiter = ',', help = format!("Grant the guest's page one permission: {}", page_grant_names()))]
    allow_page: Vec<PageGrant>,
    /// Set a value that the guest reads through `wasi:config/store`
    #[arg(long, value_name = "NAME=VALUE")]
    config: Vec<String>,
    /// Read values for the guest from a TOML file; `--config` overrides them
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    // clap prints an invalid value in its error, and the user may have typed the secret itself. So clap does not parse
    // this value.
    /// Give the guest a secret from the environment (`NAME=env:VARIABLE`) or from a file (`NAME=file:PATH`)
    #[arg(long, value_name = "NAME=SOURCE")]
    secret: Vec<String>,
    /// Let the guest read this secret; without this, it can only send it to endpoints
    #[arg(long, value_name = "NAME")]
    allow_reveal: Vec<String>,
    #[command(flatten)]
    net: NetArgs,
}

impl GrantArgs {
    /// Returns what the guest's page may do.
    pub(super) fn page(&self) -> PageGrants {
        self.allow_page.iter().cloned().collect()
    }

    /// Returns whether the guest may read a secret.
    pub(super) fn reveals(&self) -> bool {
        !self.allow_reveal.is_empty()
    }

    /// Returns whether a value comes from a file. Reading the file may block, because it may be a named pipe.
    pub(crate) fn reads_files(&self) -> bool {
        self.config_file.is_some()
            || self.secret.iter().any(|text| text.contains("=file:"))
            || self.net.reads_files()
    }

    /// Reads what the guest is granted. Blocks if a file is a named pipe without a writer.
    pub(crate) fn read(&self) -> Result<Granted, GrantArgsError> {
        let mut variables =
            variables::gather(self.config_file.as_deref(), &self.config, &self.secret)?;
        for name in &self.allow_reveal {
            if !variables.reveal(name) {
                return Err(VariableArgsError::NoSecret(name.clone()).into());
            }
        }
        Ok(Granted { variables, net: self.net.grants()?, trust: self.net.trust()? })
    }
}

/// What a guest is granted, in addition to what its page may do.
#[derive(Debug)]
pub(crate) struct Granted {
    /// Its variables and secrets.
    pub(crate) variables: Variables,
    /// The hosts that it can reach.
    pub(crate) net: NetGrants,
    /// The certificates that its requests trust.
    pub(crate) trust: Trust,
}

/// Why the flags for grants are invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantArgsError {
    #[error(transparent)]
    Variables(#[from] VariableArgsError),
    #[error(transparent)]
    Net(#[from] NetArgsError),
}
