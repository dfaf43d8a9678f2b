//! The OpenID provider of `tests/system/oidc`, which Node runs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;

use super::guest;
use super::scan::Confidential;

/// The folder of the provider and its npm packages.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/system/oidc");

/// The secret of its confidential clients. Forms and `Authorization: Basic` must encode its special characters.
pub const SECRET: &str = "s3cr3t:0f th3+c1ient/%";

/// A running provider. Killed when dropped.
pub struct Provider {
    child: Child,
    pub issuer: String,
    /// The certificate authority to trust. Without one, the provider uses plain HTTP.
    pub authority: Option<PathBuf>,
    reported: Option<JoinHandle<Vec<Confidential>>>,
}

impl Provider {
    #[track_caller]
    pub fn start(name: &str, is_tls: bool) -> Self {
        Self::start_with(name, is_tls, &[])
    }

    /// The same, and its client `web` has only this redirect URI.
    #[track_caller]
    pub fn start_for(name: &str, is_tls: bool, redirect_uri: &str) -> Self {
        Self::start_with(name, is_tls, &["--redirect-uri", redirect_uri])
    }

    #[track_caller]
    fn start_with(name: &str, is_tls: bool, arguments: &[&str]) -> Self {
        let mut command = Command::new("node");
        command.arg("provider.mjs").args(["--secret", SECRET]).args(arguments).current_dir(FOLDER);
        let authority = is_tls.then(|| certify(name, &mut command));
        let log = guest::write(&format!("{name}.log"), b"");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = lines.next().and_then(|line| serde_json::from_str::<Value>(&line).ok());
        let issuer = first.as_ref().and_then(|line| line["issuer"].as_str()).unwrap_or_else(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            panic!("the provider did not start: {said}")
        });
        let issuer = issuer.to_owned();
        let reported = thread::spawn(move || lines.map(|line| confidential(&line)).collect());
        Self { child, issuer, authority, reported: Some(reported) }
    }

    /// Stop it. Returns the confidential values that it issued and received, in order.
    #[track_caller]
    pub fn stop(mut self) -> Vec<Confidential> {
        // It exits at the end of its standard input.
        drop(self.child.stdin.take());
        self.reported.take().unwrap().join().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn confidential(line: &str) -> Confidential {
    let line: Value = serde_json::from_str(line).unwrap();
    let member = |name: &str| line[name].as_str().unwrap().to_owned();
    Confidential { name: member("name"), value: member("value") }
}

/// Add a certificate for `127.0.0.1` to the arguments. Returns the file of the authority that issued it.
#[track_caller]
fn certify(name: &str, command: &mut Command) -> PathBuf {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    for (flag, pem) in [("--cert", certificate.pem()), ("--key", key.serialize_pem())] {
        command.arg(flag).arg(guest::private(&format!("{name}{flag}.pem"), pem.as_bytes()));
    }
    guest::write(&format!("{name}--authority.pem"), authority.pem().as_bytes())
}
