//! A guest that uses handles that it does not have, and that asks for the bytes of every secret. `uses-handles.wat`
//! describes its requests.

use crate::support::guest;
use crate::support::host::{Host, Running};
use crate::support::provider::{Endpoint, SECRET, assert_hidden};

const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer"}"#;
/// A granted secret that the guest may not read.
const OTHER: &str = "0t~h3r!K3y~0f!th3";
/// What the guest can do with a secret, and with an answer.
const USES: [(&str, char); 2] = [("hqfjpbird", 't'), ("gse", 'a')];

/// The guest, with the secret `key`, which it may read, and the secret `other`.
fn host(endpoint: &Endpoint) -> Host {
    let imports = ["secrets", "exchange", "identity", "reveal"]
        .map(|name| format!("import curtaincall:callback/{name}@0.1.0;"));
    let world = format!(
        "package test:handles; world handles {{ {} export curtaincall:callback/handler@0.1.0; }}",
        imports.concat()
    );
    let guest = guest::component("uses-handles", "handles", &world);
    Host::run()
        .arg(guest)
        .env("PROBE_SECRET", SECRET)
        .env("PROBE_OTHER", OTHER)
        .args(["-v", "--events", "-", "--secret", "key=env:PROBE_SECRET", "--allow-reveal", "key"])
        .args(["--secret", "other=env:PROBE_OTHER", "--allow-net", &endpoint.url("/token")])
}

/// Let the guest use a handle. Returns the page, or nothing if the guest failed.
#[track_caller]
fn use_handle(host: &Running, endpoint: &Endpoint, how: char, handle: char) -> Option<String> {
    let page = host.navigate(&format!("/callback?{how}{handle}{}", endpoint.url("/token")));
    let expected = [200, 500];
    assert!(expected.contains(&page.status()), "{how}{handle}: {}", page.head);
    (page.status() == 200).then(|| page.text().to_owned())
}

#[test]
fn a_handle_that_the_guest_does_not_have_is_a_trap() {
    let endpoint = Endpoint::json(TOKEN);
    let host = host(&endpoint).start();
    for (uses, good) in USES {
        // `a` is not the handle of a secret, and `t` is not that of an answer.
        let wrong = if good == 't' { 'a' } else { 't' };
        for how in uses.chars() {
            for handle in ['0', '1', '2', '9', 'x', 'y', 'z', wrong] {
                let page = use_handle(&host, &endpoint, how, handle);
                assert_eq!(page, None, "{how}{handle}");
            }
            // The counter-check. A hand-over would end the flow.
            if how != 'h' {
                let page = use_handle(&host, &endpoint, how, good);
                // The token is not an ID token, and no one may read it.
                let expected = if ['i', 'r'].contains(&how) { "none" } else { "good" };
                assert_eq!(page.as_deref(), Some(expected), "{how}{good}");
            }
        }
    }
    host.wait_for_line("warning: the guest trapped: ");
    assert_eq!(use_handle(&host, &endpoint, 'h', 't').as_deref(), Some("good"));
    host.finish().code(0).stdout("{\"access_token\":\"t0~k3n!\"}\n");
}

/// The numbers of handles begin anew in each call, but a number that was good in the last call is not good in this one.
#[test]
fn a_handle_of_the_previous_call_is_a_trap() {
    let endpoint = Endpoint::json(TOKEN);
    let host = host(&endpoint).start();
    for (uses, good) in USES {
        for how in uses.chars() {
            let number = use_handle(&host, &endpoint, 'n', good).unwrap();
            let kept = number.parse().unwrap();
            assert!(('1'..='9').contains(&kept), "{number}");
            assert_eq!(use_handle(&host, &endpoint, how, kept), None, "{how}{kept}");
        }
    }
    // The counter-check: the number is that of the handle in a call that obtains it.
    assert_eq!(use_handle(&host, &endpoint, 'h', 't').as_deref(), Some("good"));
    host.finish().code(0).stdout("{\"access_token\":\"t0~k3n!\"}\n");
}

#[test]
fn a_guest_that_may_read_one_secret_reads_no_other_the_verifier_or_a_token() {
    let endpoint = Endpoint::json(TOKEN);
    let host = host(&endpoint).start();
    let shown = |handle| use_handle(&host, &endpoint, 'r', handle).unwrap();
    // The counter-check.
    assert_eq!(shown('k'), SECRET);
    for handle in ['o', 'v', 't'] {
        assert_eq!(shown(handle), "none", "{handle}");
    }
    // The endpoint gets what the guest cannot read.
    for handle in ['o', 'v'] {
        assert_eq!(use_handle(&host, &endpoint, 'f', handle).as_deref(), Some("good"));
    }
    let sent: Vec<_> =
        endpoint.asked().iter().filter_map(|asked| asked.field("access_token")).collect();
    let [other, verifier] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((&**other, verifier.len()), (OTHER, 43));
    host.signal("INT");
    let finished = host.finish().code(130).stdout("");
    for secret in [SECRET, OTHER, verifier, "t0~k3n!"] {
        assert_hidden("standard error", &finished.stderr, secret);
    }
}
