//! `--ca-cert`: an exchange over TLS with a server whose authority only this test trusts.

use std::path::Path;

use crate::support::guest;
use crate::support::host::Host;
use crate::support::provider::{CODE, Ended, Endpoint, Flow, SECRET, provider};
use crate::support::tls::Authority;

const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer"}"#;
/// The remedy for a server of an unknown authority.
const HINT: &str = "trust its certificate authority with `--ca-cert FILE`";

/// A flow in which the probe sends the secret and the code, with these files for `--ca-cert`. On Linux, the system's
/// certificates are those of `system`.
#[track_caller]
fn exchange(endpoint: &Endpoint, system: &Authority, trusted: &[&Authority]) -> Ended {
    let url = endpoint.url("/token");
    let mut host = provider().env("SSL_CERT_FILE", system.file()).args(["--allow-net", &url]);
    for authority in trusted {
        host = host.arg("--ca-cert").arg(authority.file());
    }
    Flow::start(host).end(&[
        "form client_secret secret key".to_owned(),
        format!("form code text {CODE}"),
        format!("send POST {url}"),
        "hand-over access_token answer /access_token".to_owned(),
    ])
}

#[test]
fn a_server_is_trusted_if_ca_cert_names_its_authority() {
    let (authority, other) = (Authority::new("exchange"), Authority::new("exchange-other"));
    let endpoint = Endpoint::secure(authority.server("127.0.0.1"), TOKEN);
    for trusted in [&[][..], &[&other]] {
        let ended = exchange(&endpoint, &other, trusted);
        assert_eq!(ended.lines, ["send: tls", "hand-over: no such secret"]);
        let reason = "warning: cannot reach `127.0.0.1`: its certificate was issued by an authority that this machine \
                      does not trust";
        let stderr = &ended.host.stderr;
        assert!(stderr.contains(reason) && stderr.contains(HINT), "{stderr}");
    }
    // The host sent nothing to a server that it does not trust.
    assert!(endpoint.asked().is_empty(), "{:?}", endpoint.asked());
    let ended = exchange(&endpoint, &other, &[&other, &authority]);
    assert_eq!(ended.lines, ["send: 200", "hand-over: ok"], "{}", ended.host.stderr);
    assert_eq!(ended.host.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.field("client_secret").as_deref(), Some(SECRET));
    assert_eq!(asked.field("code").as_deref(), Some(CODE));
}

#[test]
fn a_trusted_authority_is_trusted_only_for_the_name_in_the_certificate() {
    let authority = Authority::new("other-name");
    let endpoint = Endpoint::secure(authority.server("127.0.0.2"), TOKEN);
    let ended = exchange(&endpoint, &authority, &[&authority]);
    assert_eq!(ended.lines[0], "send: tls");
    let stderr = &ended.host.stderr;
    assert!(stderr.contains("its certificate is for another name"), "{stderr}");
    // The flag would not help.
    assert!(!stderr.contains(HINT), "{stderr}");
    assert!(endpoint.asked().is_empty(), "{:?}", endpoint.asked());
}

#[test]
fn a_file_of_ca_cert_without_a_certificate_is_an_error() {
    let run = |file: &Path| Host::run().arg("--ca-cert").arg(file).finish().code(2).stdout("");
    for (name, content, reason) in [
        ("empty", "", "no certificate found: expected `-----BEGIN CERTIFICATE-----`"),
        ("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n", "invalid PEM: "),
    ] {
        let file = guest::write(&format!("ca-cert-{name}.pem"), content.as_bytes());
        let error = format!("error: invalid certificates in `{}`: {reason}", file.display());
        let stderr = run(&file).stderr;
        assert!(stderr.starts_with(&error), "{stderr}");
    }
}
