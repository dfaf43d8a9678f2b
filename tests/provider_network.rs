//! Where a granted request may lead, and which grants the command line refuses.

use crate::support::host::Host;
use crate::support::provider::{Endpoint, Flow, provider};

#[test]
fn a_grant_that_is_not_a_plain_web_url_is_refused() {
    for (grant, reason) in [
        ("http://idp.example/token", "because `http` is only allowed for `localhost`"),
        ("http://10.0.0.1/token", "because `http` is only allowed for `localhost`"),
        ("ftp://idp.example/token", "expected a URL that starts with `https://`"),
        ("idp.example/token", "expected a URL that starts with `https://`"),
        ("https://ada:hunter2@idp.example/token", "without user name and password"),
        ("https://idp.example/token?client_secret=hunter2", "without a query"),
        ("https://idp.example/token#hunter2", "without a fragment"),
        ("https://*.idp.example/token", "or an IP address in its usual notation"),
        ("https://idp.example./token", "or an IP address in its usual notation"),
        ("https://127.1/token", "or an IP address in its usual notation"),
        ("https://2130706433/token", "or an IP address in its usual notation"),
        ("https://0x7f.1/token", "or an IP address in its usual notation"),
        ("https://0177.0.0.1/token", "or an IP address in its usual notation"),
        ("https://idp.example/a/../token", "expected a path without"),
        ("https://idp.example//token", "expected a path without"),
        ("https://idp.example/%74oken", "expected a path without"),
    ] {
        let finished = Host::run().args(["--allow-net", grant]).finish().code(2).stdout("");
        let stderr = finished.stderr;
        assert!(stderr.starts_with("error: invalid value in --allow-net: "), "{stderr}");
        assert!(stderr.contains(reason), "{grant}: {stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

/// The guest sees the same error for all of them. The person sees the address, and what would allow it.
#[test]
fn a_granted_host_with_a_special_address_is_not_reached() {
    for (host, shown) in [
        ("169.254.169.254", "its address 169.254.169.254 is a link-local address\n"),
        ("0.0.0.0", "its address 0.0.0.0 is an address of this machine\n"),
        ("10.0.0.1", "is a private address; allow private addresses with `--allow-private-net`\n"),
        (
            "[::ffff:10.0.0.1]",
            "is a private address; allow private addresses with `--allow-private-net`\n",
        ),
        (
            "100.64.0.1",
            "is a private address of a carrier; allow private addresses with `--allow-private-net`\n",
        ),
        ("[::ffff:169.254.169.254]", "is a link-local address\n"),
        ("[::ffff:127.0.0.1]", "is a loopback address"),
        ("[64:ff9b::127.0.0.1]", "is a loopback address\n"),
        ("[2002:7f00:1::]", "is a loopback address\n"),
        ("[fe80::1]", "is a link-local address\n"),
    ] {
        let url = format!("https://{host}/token");
        let mut flow = Flow::start(provider().args(["--allow-net", &url]));
        let steps = ["form client_secret secret key".to_owned(), format!("send POST {url}")];
        assert_eq!(flow.steps(&steps), ["send: address"], "{host}");
        flow.host.wait_for_line("warning: cannot reach `");
        let (_, finished) = flow.complete(&[""; 0]);
        assert!(finished.stderr.contains(shown), "{host}: {}", finished.stderr);
    }
}

/// A person who allows private addresses does not allow the metadata service of a cloud machine.
#[test]
fn private_addresses_do_not_include_link_local_ones_and_loopback() {
    for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "0.0.0.0", "[64:ff9b::127.0.0.1]"] {
        let url = format!("https://{host}/token");
        let host = provider().args(["--allow-private-net", "--allow-net", &url]);
        let (lines, _) = Flow::start(host).complete(&[format!("send POST {url}")]);
        assert_eq!(lines, ["send: address"], "{url}");
    }
}

/// A grant for one loopback server is not a grant for the others, and not for other spellings of its address.
#[test]
fn a_loopback_grant_is_for_one_host_and_port() {
    let (granted, other) = (Endpoint::json("{}"), Endpoint::json("{}"));
    let (port, other_port) = (port(&granted), port(&other));
    let mut steps = Vec::new();
    for (host, port) in [
        ("127.0.0.1", &other_port),
        ("localhost", &other_port),
        ("localhost", &port),
        ("127.0.0.2", &port),
        ("[::1]", &port),
        ("a.localhost", &port),
    ] {
        steps.push("form client_secret secret key".to_owned());
        steps.push(format!("send POST http://{host}:{port}/token"));
    }
    for host in ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "017700000001", "a@127.0.0.1"] {
        steps.push(format!("send POST http://{host}:{port}/token"));
    }
    steps.push(format!("send POST {}", granted.url("/token")));
    let (lines, _) = granted.flow().complete(&steps);
    let mut expected = vec!["send: not-granted"; 5];
    // `http` is only for `localhost` itself and for loopback addresses.
    expected.extend(["send: invalid-request"; 7]);
    expected.push("send: 200");
    assert_eq!(lines, expected);
    assert_eq!((granted.asked().len(), other.asked().len()), (1, 0));
}

/// `localhost` is the name of a loopback address for the host too, so its grant needs no other flag.
#[test]
fn localhost_can_be_granted_by_name() {
    let endpoint = Endpoint::json("{}");
    let url = format!("http://localhost:{}/token", port(&endpoint));
    let send = format!("send POST {url}");
    let host = provider().args(["--allow-net", &url]);
    let (lines, _) = Flow::start(host).complete(&["form client_secret secret key", &send]);
    assert_eq!(lines, ["send: 200"]);
    assert!(endpoint.asked()[0].head.contains("localhost:"), "{:?}", endpoint.asked());
}

fn port(endpoint: &Endpoint) -> String {
    endpoint.url("").rsplit(':').next().unwrap().to_owned()
}
