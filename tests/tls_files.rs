//! The certificate and the private key of `--tls-cert` and `--tls-key`. Whatever is wrong with them is an error before
//! the host listens.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::guest;
use crate::support::host::{BOTH, Host, Over};
use crate::support::tls::{Authority, Issued, LOOPBACK};

/// Start `host run` with these files. It must end with this error, and with a hint that contains `hint`.
#[track_caller]
fn refused([certificate, key]: [&Path; 2], error: &str, hint: &str) {
    let host = Host::run()
        .arg("--tls-cert")
        .arg(certificate)
        .arg("--tls-key")
        .arg(key)
        .args(["--events", "-"]);
    let stderr = host.finish().code(2).stdout("").stderr;
    let error = error
        .replace("{CERT}", &certificate.display().to_string())
        .replace("{KEY}", &key.display().to_string());
    assert!(stderr.starts_with(&format!("error: {error}")), "{stderr}");
    assert!(!stderr.contains("listening") && !stderr.contains("PRIVATE KEY-----\n"), "{stderr}");
    let hints: Vec<_> = stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
    match hints[..] {
        [] => assert_eq!(hint, "", "{stderr}"),
        [found] => assert!(!hint.is_empty() && found.contains(hint), "{stderr}"),
        _ => panic!("more than one hint: {stderr}"),
    }
}

/// The files of a certificate for loopback, which are valid.
fn valid(name: &str) -> [PathBuf; 2] {
    Authority::new("files").issue(&LOOPBACK).files(name)
}

fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    guest::private(name, content.as_ref())
}

fn pem(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn one_flag_without_the_other_is_an_error() {
    let [certificate, key] = valid("alone");
    for (flag, file, other) in
        [("--tls-cert", certificate, "--tls-key"), ("--tls-key", key, "--tls-cert")]
    {
        let stderr = Host::run().arg(flag).arg(file).finish().code(2).stderr;
        assert!(stderr.contains(&format!("{other} <FILE>")), "{stderr}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let [certificate, key] = &valid("unreadable");
    let missing = Path::new("/nonexistent/file");
    let folder = Path::new("/");
    refused([missing, key], "cannot read `{CERT}`\nCaused by:\n    No such file or directory", "");
    refused([certificate, missing], "cannot read `{KEY}`\nCaused by:\n    No such file", "");
    refused([certificate, folder], "cannot read `{KEY}`\nCaused by:\n    Is a directory", "");
    let huge = file("huge.pem", vec![b'x'; (1 << 20) + 1]);
    let larger = "cannot read `{CERT}`\nCaused by:\n    it is larger than 1 MiB";
    refused([&huge, key], larger, "");
}

#[test]
fn a_file_without_a_certificate_or_key_is_an_error() {
    let [certificate, key] = &valid("without");
    let empty = file("empty.pem", "");
    let no_certificate = "invalid certificate in `{CERT}`: no certificate found: expected `-----BEGIN CERTIFICATE-----`\n";
    let no_key = "invalid private key in `{KEY}`: no private key found: expected `-----BEGIN PRIVATE KEY-----`\n";
    refused([&empty, key], no_certificate, "openssl x509 -in ");
    refused([certificate, &empty], no_key, "make a new key");
    let der = file("cert.der", [0x30, 0x82, 0x01, 0xff, 0xfe]);
    refused([&der, key], no_certificate, "openssl x509 -in ");
}

#[test]
fn swapped_files_are_an_error() {
    let [certificate, key] = &valid("swapped");
    let hint = "`--tls-cert` takes the certificate, and `--tls-key` the private key";
    let got_key = "invalid certificate in `{CERT}`: expected a certificate, got a private key\n";
    let got_certificate =
        "invalid private key in `{KEY}`: expected a private key, got a certificate\n";
    refused([key, certificate], got_key, hint);
    refused([certificate, certificate], got_certificate, hint);
}

#[test]
fn damaged_pem_is_an_error_that_shows_nothing_of_the_key() {
    let [certificate, key] = &valid("damaged");
    let cut = |path: &Path| pem(path).lines().take(2).collect::<Vec<_>>().join("\n");
    let cut = [file("cut-cert.pem", cut(certificate)), file("cut-key.pem", cut(key))];
    refused(
        [&cut[0], key],
        "invalid certificate in `{CERT}`: invalid PEM\n",
        "copy the whole file",
    );
    refused(
        [certificate, &cut[1]],
        "invalid private key in `{KEY}`: invalid PEM\n",
        "copy the whole",
    );
    let changed = pem(certificate).replace("\nMII", "\nAAA");
    let changed = file("changed-cert.pem", changed);
    let unparsable = "invalid certificate in `{CERT}`: cannot parse certificate 1: ";
    refused([&changed, key], unparsable, "make a new certificate");
    let changed = file("changed-key.pem", pem(key).replace("\nMI", "\nAA"));
    let damaged = "invalid private key in `{KEY}`: expected an RSA, ECDSA or Ed25519 key that is not damaged\n";
    refused([certificate, &changed], damaged, "make a new key");
}

#[test]
fn an_encrypted_key_is_an_error() {
    let [certificate, _] = &valid("encrypted");
    for block in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
         -----END RSA PRIVATE KEY-----\n",
    ] {
        let key = file("encrypted.pem", block);
        let error = "invalid private key in `{KEY}`: it is encrypted\n";
        refused([certificate, &key], error, "openssl pkey -in ");
    }
}

#[test]
fn the_key_of_another_certificate_is_an_error() {
    let ([certificate, _], [_, key]) = (&valid("first"), &valid("second"));
    let error = "invalid private key in `{KEY}`: it does not belong to the certificate\n";
    refused([certificate, key], error, "give the private key of this certificate");
}

#[test]
fn a_certificate_that_is_not_valid_now_is_an_error() {
    let authority = Authority::new("times");
    let issue = |years: [i32; 2]| {
        authority.issue_with(&LOOPBACK, |params| {
            params.not_before = rcgen::date_time_ymd(years[0], 1, 1);
            params.not_after = rcgen::date_time_ymd(years[1], 1, 1);
        })
    };
    let expired =
        "certificate 1 expired at 2001-01-01T00:00:00Z, or the clock of this machine is wrong\n";
    let early = "certificate 1 is not valid before 3000-01-01T00:00:00Z, or the clock of this machine is wrong\n";
    for (years, problem) in [([2000, 2001], expired), ([3000, 3001], early)] {
        let [certificate, key] = issue(years).files(&format!("from-{}", years[0]));
        let error = format!("invalid certificate in `{{CERT}}`: {problem}");
        refused([&certificate, &key], &error, "make a new certificate");
    }
    // The certificate of the host is valid, and that of its authority is not.
    let Issued { certificate, key } = authority.issue(&LOOPBACK);
    let chain = certificate + &issue([2000, 2001]).certificate;
    let chain = Issued { certificate: chain, key };
    let [certificate, key] = chain.files("expired-chain");
    let error = "invalid certificate in `{CERT}`: certificate 2 expired at 2001-01-01T00:00:00Z";
    refused([&certificate, &key], error, "make a new certificate");
}

#[test]
fn a_certificate_that_is_not_for_servers_is_an_error() {
    let client = Authority::new("purpose").issue_with(&LOOPBACK, |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let [certificate, key] = client.files("client");
    let error =
        "invalid certificate in `{CERT}`: its extended key usage does not allow TLS servers\n";
    refused([&certificate, &key], error, "make a new certificate");
}

#[test]
fn a_name_that_the_certificate_does_not_cover_is_an_error() {
    let authority = Authority::new("names");
    for (names, covered, hint) in [
        (&["localhost"][..], "is for `localhost`", "with `--bind localhost`"),
        (&["dev.example", "::1"], "is for `dev.example`, `::1`", "with `--bind ::1`"),
        (&["dev.example"], "is for `dev.example`", "such as with `mkcert 127.0.0.1`"),
        (&[], "names no host", "such as with `mkcert 127.0.0.1`"),
    ] {
        let [certificate, key] = authority.issue(names).files(&format!("names-{}", names.len()));
        let error = format!(
            "the certificate is not for `127.0.0.1`, the host of the redirect URI: it {covered}\n"
        );
        refused([&certificate, &key], &error, hint);
    }
}

/// Counter-check: what the errors of this file recommend works.
#[test]
fn the_redirect_uri_has_the_host_of_the_certificate() {
    let authority = Authority::new("hosts");
    for (name, bind, origin) in [
        ("localhost", "localhost", "https://localhost:"),
        ("127.0.0.1", "127.0.0.1", "https://127.0.0.1:"),
        ("::1", "::1", "https://[::1]:"),
    ] {
        let flags = authority.issue(&[name]).flags(&format!("host-{}", name.len()));
        let host = Host::run().args(flags).args(["--bind", bind]).start();
        assert!(host.redirect_uri.starts_with(origin), "{}", host.redirect_uri);
        assert!(host.redirect_uri.ends_with("/callback"), "{}", host.redirect_uri);
    }
}

#[test]
fn a_chain_in_one_file_with_its_key_and_comments_is_accepted() {
    let authority = Authority::new("chain");
    let Issued { certificate, key } = authority.issue(&LOOPBACK);
    let all = format!("# made today\n{key}\n{certificate}{}", authority.pem());
    let all = file("all.pem", all);
    let host = Host::run().arg("--tls-cert").arg(&all).arg("--tls-key").arg(&all).start();
    assert!(host.redirect_uri.starts_with("https://127.0.0.1:"), "{}", host.redirect_uri);
}

#[cfg(unix)]
#[test]
fn the_files_can_be_pipes_and_a_pipe_without_a_writer_ends_with_the_timeout() {
    let [_, certificate, _, key] = crate::support::tls::loopback_flags();
    let command = format!(
        "cat '{}' | '{}' run --no-browser --tls-cert /dev/stdin --tls-key '{}'",
        certificate.display(),
        env!("CARGO_BIN_EXE_host"),
        key.display()
    );
    let host = Host::shell(&command).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");

    let folder = file("pipes", "").with_extension("folder");
    fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("key");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let host = Host::run().args(["--timeout", "200ms", "--tls-cert"]).arg(certificate);
    let stderr = host.arg("--tls-key").arg(&pipe).finish().code(124).stderr;
    let error = "error: no program wrote to the pipe of `--tls-cert` or `--tls-key` within 200ms\n";
    assert_eq!(stderr, error);
}

#[test]
fn the_urls_of_a_run_have_its_scheme() {
    for over in BOTH {
        let scheme = if over == Over::Https { "https" } else { "http" };
        let open = "https://idp.example/?redirect_uri={redirect_uri}&state={state}";
        let host = Host::run().over(over).args(["--open", open, "--events", "-"]).start();
        let line = host.wait_for_line("Open this URL in a browser: ");
        assert!(line.contains(&format!("redirect_uri={scheme}%3A%2F%2F127.0.0.1%3A")), "{line}");
        let event = host.wait_for_line(r#""event":"listening""#);
        assert!(event.contains(&format!(r#""redirect_uri":"{scheme}://127.0.0.1:"#)), "{event}");
        host.navigate(&format!("/callback?code=abc&state={}", host.state()));
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    }
}
