//! The eleven shapes of `callback-torture`, which none of 14 measured programs passed. After each of them, the
//! legitimate callback still wins.

use std::ffi::OsString;
use std::process::Command;

use callback_torture::{Program, Shape, Torture, Trust};

use crate::support::DEADLINE;
use crate::support::client::Client;
use crate::support::host::Host;
use crate::support::tls::{Authority, LOOPBACK};

const OPEN: &str = "https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}";

#[test]
fn the_legitimate_callback_wins_after_each_shape() {
    wins_after_each_shape(Trust::default(), &[]);
}

#[test]
fn the_legitimate_callback_wins_after_each_shape_over_tls() {
    let authority = Authority::new("peers");
    let trust = Trust::from_pem(authority.pem().as_bytes()).unwrap();
    wins_after_each_shape(trust, &authority.issue(&LOOPBACK).flags("peers"));
}

#[track_caller]
fn wins_after_each_shape(trust: Trust, flags: &[OsString]) {
    let torture = Torture::new(Shape::ALL, DEADLINE).trusting(trust);
    let report = torture.run(|| {
        let mut host = Command::new(env!("CARGO_BIN_EXE_host"));
        host.args(["run", "--no-browser", "--open", OPEN]).args(flags).env_remove("BROWSER");
        Program::start(host.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")), DEADLINE)
    });
    assert!(report.passed(), "{report}");
    assert_eq!(report.verdicts.len(), 11);
}

#[test]
fn the_legitimate_callback_wins_after_all_shapes_at_once() {
    let host = Host::run().args(["--open", OPEN]).start();
    let _silent: Vec<Client> = (0..20).map(|_| host.client()).collect();
    let authority = host.addr.to_string();
    for (target, status) in [("/callback?error=x", 400), ("/robots.txt", 404)] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(host.client().send(request).response().status(), status);
    }
    let mut half = host.client();
    half.send("POST /callback HTTP/1.1\r\nHost: x\r\nContent-Le");
    let page = host.navigate(&format!("/callback?code=good&state={}", host.state()));
    assert_eq!(page.status(), 200, "{}", page.head);
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
}
