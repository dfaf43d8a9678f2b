//! A redirect URI with `https`, in real browsers: those that trust the certificate, and those that do not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::signin_engines::note_taker;
use crate::support::browser::{Answer, Chromium, authorization_server};
use crate::support::engine::{Browser, ENGINES, Engine};
use crate::support::host::{Host, Over};
use crate::support::tls::{Authority, LOOPBACK};
use crate::support::tour::in_each_engine;
use crate::support::{guest, wait_for};

tests! {
    Https:
        a_browser_that_trusts_the_certificate_signs_in,
        a_browser_that_does_not_trust_the_certificate_is_reported,
        the_openssl_commands_of_the_readme_make_a_trusted_certificate;
}

/// The URL of `--open` at a provider of the tests.
fn authorize(answer: Answer) -> String {
    let provider = authorization_server(answer);
    format!("http://{provider}/authorize?redirect_uri={{redirect_uri}}&state={{state}}")
}

fn a_browser_that_trusts_the_certificate_signs_in() {
    let authority = Authority::new("browsers");
    let (file, flags) = (authority.file(), authority.issue(&LOOPBACK).flags("browsers"));
    in_each_engine(|engine| {
        for (kind, answer) in [("code", Answer::Code), ("form", Answer::FormPost)] {
            let browser = Browser::start_with_authority(engine, &file);
            let (command, note) = note_taker(&format!("https-{kind}-{}", engine.name()));
            let host = Host::bare()
                .args(["run", "-v", "--events", "-", "--open", &authorize(answer)])
                .args(&flags)
                .env("BROWSER", &command)
                .start();
            let link = wait_for("the link", || {
                fs::read_to_string(&note).ok().filter(|link| !link.is_empty())
            });
            assert!(link.starts_with(&format!("https://{}/", host.addr)), "{link}");
            // Some drivers report an error if the page submits a form by itself.
            let _ = browser.go(&link);
            wait_for("the page", || {
                browser.source().contains("You can close this tab").then_some(())
            });
            let address = browser.url();
            let page = address.strip_prefix(&format!("{}/", host.redirect_uri));
            assert!(page.is_some_and(|page| page.len() == 43), "{engine:?}: {address}");
            let finished = host.finish().code(0).stdout("{\"code\":\"from-chromium\"}\n");
            assert!(finished.stderr.contains(r#""delivered":true"#), "{}", finished.stderr);
            assert!(!finished.stderr.contains("warning"), "{engine:?}: {}", finished.stderr);
        }
    });
}

/// The browser sends an alert and shows a warning page. The host keeps waiting.
fn a_browser_that_does_not_trust_the_certificate_is_reported() {
    for engine in ENGINES {
        let browser = Browser::start(engine);
        let host = Host::run().over(Over::Https).args(["--events", "-"]).start();
        let _ = browser.go(&format!("{}?code=evil", host.redirect_uri));
        // WebKit completes the handshake, closes the connection and sends no alert.
        if engine != Engine::WebKit {
            host.wait_for_line(
                "warning: the browser does not trust the certificate: still waiting",
            );
            host.wait_for_line(r#""reason":"untrusted-certificate","status":null"#);
        }
        assert_eq!(host.navigate("/callback?code=abc").status(), 200);
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    }
}

fn the_openssl_commands_of_the_readme_make_a_trusted_certificate() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```sh\n").find(|block| block.contains("openssl req")).unwrap();
    let commands = block.split("```").next().unwrap();
    let home = guest::write("openssl", b"").with_extension("home");
    // A new account, in which Chromium has never run.
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).unwrap();
    let mut shell = Command::new("sh");
    let shell = shell.args(["-e", "-c", commands]).current_dir(&home).env("HOME", &home);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
    let chromium = Chromium::new("openssl");
    let file = |name: &str| Path::new(&home).join(name);
    let host = Host::bare()
        .args(["run", "--bind", "localhost", "--open", &authorize(Answer::Code)])
        .arg("--tls-cert")
        .arg(file("cert.pem"))
        .arg("--tls-key")
        .arg(file("key.pem"))
        .env("HOME", &home)
        .env("BROWSER", &chromium.command);
    host.finish().code(0).stdout("{\"code\":\"from-chromium\"}\n");
}
