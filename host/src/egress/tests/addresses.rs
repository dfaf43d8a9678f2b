//! Hosts that must not be reached, in every notation, and the grants that allow them.

use super::server::Server;
use super::{NetRemedy, Setup};
use crate::outgoing::Fault;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Each notation of loopback, and the host that a grant for it names.
const LOOPBACK: [(&str, &str); 9] = [
    ("127.0.0.1", "127.0.0.1"),
    ("127.1", "127.0.0.1"),
    ("0x7f.1", "127.0.0.1"),
    ("0x7F000001", "127.0.0.1"),
    ("2130706433", "127.0.0.1"),
    ("0177.0.0.1", "127.0.0.1"),
    ("017700000001", "127.0.0.1"),
    ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"),
    ("localhost", "localhost"),
];

#[tokio::test]
async fn loopback_is_refused_in_every_notation() {
    let server = Server::answering(ANSWER).await;
    // Private networks are something else, and so is another port.
    for setup in [Setup::new(), Setup::new().private(), Setup::new().loopback("127.0.0.1", 1)] {
        let client = setup.client();
        for (host, _) in LOOPBACK {
            let url = format!("http://{host}:{}/", server.port());
            let failed = client.get(&url).await.unwrap_err();
            assert_eq!(failed.fault, Fault::Prohibited, "{host}");
            assert_eq!(failed.remedy, Some(NetRemedy::Loopback), "{host}");
            assert!(failed.message.ends_with(" is a loopback address"), "{}", failed.message);
        }
    }
    assert_eq!(server.accepted(), 0);
}

/// The counter-check.
#[tokio::test]
async fn loopback_is_reached_where_exactly_this_host_and_port_is_granted() {
    let server = Server::answering(ANSWER).await;
    let other = Server::answering(ANSWER).await;
    for (host, granted) in LOOPBACK {
        let client = Setup::new().loopback(granted, server.port()).client();
        client.get(&format!("http://{host}:{}/", server.port())).await.unwrap();
        client.get(&format!("http://{host}:{}/", other.port())).await.unwrap_err();
    }
    assert_eq!((server.accepted(), other.accepted()), (LOOPBACK.len(), 0));
}

#[tokio::test]
async fn ipv6_loopback_is_refused_and_granted_in_the_same_way() {
    let server = Server::start("::1", |mut stream, log| async move {
        super::server::reply(&mut stream, &log, ANSWER.as_bytes()).await;
    })
    .await;
    for host in ["[::1]", "[0:0:0:0:0:0:0:1]", "[::0.0.0.1]"] {
        let url = format!("http://{host}:{}/", server.port());
        let failed = Setup::new().private().client().get(&url).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Prohibited, "{host}");
        assert_eq!(server.accepted(), 0);
    }
    let client = Setup::new().loopback("[::1]", server.port()).client();
    client.get(&format!("http://[0::1]:{}/", server.port())).await.unwrap();
}

/// These hosts have no settings, or settings that are not given here. Nothing is sent to them.
#[tokio::test]
async fn other_special_addresses_are_refused() {
    let private = Some(NetRemedy::Private);
    for (host, address, range, remedy) in [
        ("10.0.0.1", "10.0.0.1", "a private address", private),
        ("0xa000001", "10.0.0.1", "a private address", private),
        ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1", "a private address", private),
        ("[64:ff9b::10.0.0.1]", "64:ff9b::a00:1", "a private address", private),
        ("[2002:a00:1::1]", "2002:a00:1::1", "a private address", private),
        ("[fd00::1]", "fd00::1", "a private address", private),
        ("100.64.0.1", "100.64.0.1", "a private address of a carrier", private),
        ("169.254.169.254", "169.254.169.254", "a link-local address", None),
        ("2852039166", "169.254.169.254", "a link-local address", None),
        ("[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254", "a link-local address", None),
        ("[fe80::1]", "fe80::1", "a link-local address", None),
        ("0", "0.0.0.0", "an address of this machine", None),
        ("[::]", "::", "an address of this machine", None),
        ("224.0.0.1", "224.0.0.1", "a multicast address", None),
        ("255.255.255.255", "255.255.255.255", "the broadcast address", None),
    ] {
        let failed = Setup::new().client().get(&format!("https://{host}/")).await.unwrap_err();
        assert_eq!(failed.fault, Fault::Prohibited, "{host}");
        let message = format!("cannot reach `{host}`: its address {address} is {range}");
        assert_eq!((failed.message, failed.remedy), (message, remedy));
    }
}
