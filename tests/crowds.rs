//! Many clients at once that are silent, slow or stuck: they hold little, and the browser gets through.

#[cfg(target_os = "linux")]
use crate::hostile_clients::survives_in;
use crate::hostile_clients::{FORM, MEMORY};
use crate::support::client::{Client, navigation, request};
use crate::support::guest;
use crate::support::host::Host;

/// The page is 4 MB, and 60 clients ask for it and do not read.
#[test]
fn clients_that_never_read_hold_little_and_nobody_up() {
    let host = Host::run().arg(guest::from_wat("large-pending")).start();
    let request = navigation(host.addr, "/callback");
    let stuck: Vec<Client> = (0..60)
        .map(|_| {
            let mut client = host.client();
            client.send(&request);
            // Some of it came, so the page is on its way, and the queue is free again.
            let _ = client.read_some(1);
            client
        })
        .collect();
    #[cfg(target_os = "linux")]
    assert!(host.peak_memory() < MEMORY, "{}", host.peak_memory());
    assert_eq!(host.navigate("/callback?good").status(), 200);
    host.finish().code(0);
    drop(stuck);
}

/// Nobody is let in twice: the oldest silent connection makes room for the next.
#[cfg(target_os = "linux")]
#[test]
fn two_thousand_silent_connections_keep_the_browser_out_neither_by_number_nor_by_descriptors() {
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit {
            current: Some(8192),
            ..rustix::process::getrlimit(rustix::process::Resource::Nofile)
        },
    )
    .unwrap();
    for descriptors in [4096, 256, 40] {
        let host = format!(
            "ulimit -n {descriptors}; exec {} run --no-browser \"$@\"",
            env!("CARGO_BIN_EXE_host")
        );
        survives_in(Host::shell(&host).arg("sh"), |host| {
            let silent: Vec<Client> = (0..2000).map(|_| host.client()).collect();
            // They are taken in their order, so that all of them were seen when the last is answered.
            assert_eq!(host.navigate("/x").status(), 404);
            let open = std::fs::read_dir(format!("/proc/{}/fd", host.id())).unwrap().count();
            assert!(open < 160, "{open} descriptors");
            silent
        });
    }
}

/// Bodies that are announced and do not come: 40 MB of them, and a form that comes is read all the same.
#[test]
fn bodies_that_stop_halfway_hold_little_and_nobody_up() {
    let host = Host::run().start();
    let form = |length: usize| {
        format!("{FORM}Content-Length: {length}\r\n\r\n").replace("{host}", &host.addr.to_string())
    };
    let stopped: Vec<Client> = (0..80)
        .map(|_| {
            let mut client = host.client();
            let _ = client.try_send(form(1 << 20) + &"x".repeat(500_000));
            client
        })
        .collect();
    let form = form(9) + "code=good";
    assert_eq!(host.client().send(form).response().status(), 200);
    #[cfg(target_os = "linux")]
    assert!(host.peak_memory() < MEMORY, "{}", host.peak_memory());
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
    drop(stopped);
}

/// A million chunks of one byte take no more than a body in one piece.
#[test]
fn bodies_in_the_smallest_chunks_hold_little() {
    let host = Host::run().start();
    let head =
        FORM.replace("{host}", &host.addr.to_string()) + "Transfer-Encoding: chunked\r\n\r\n";
    let chunks = "1\r\nx\r\n".repeat(200_000);
    let open: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = host.client();
            client.send(head.clone() + &chunks);
            client
        })
        .collect();
    assert_eq!(host.navigate("/x").status(), 404);
    #[cfg(target_os = "linux")]
    assert!(host.peak_memory() < MEMORY / 2, "{}", host.peak_memory());
    assert_eq!(host.navigate("/callback?code=good").status(), 200);
    host.finish().code(0);
    drop(open);
}

/// The browser's callback waits behind one that computes, and a crowd comes: it keeps its place.
#[test]
fn a_callback_that_waits_for_its_turn_is_not_sent_away() {
    let host = Host::run().arg(guest::from_wat("spin")).args(["--max-cpu-time", "500ms"]).start();
    let mut first = host.client();
    first.send(navigation(host.addr, "/callback"));
    let mut browser = host.client();
    browser.send(request(host.addr, "/callback?good"));
    let silent: Vec<Client> = (0..200).map(|_| host.client()).collect();
    assert_eq!(browser.response().text(), "good");
    host.finish().code(0).stdout("{\"good\":\"good\"}\n");
    drop(silent);
}
