//! Many silent, slow or stuck clients at once use little memory, and do not keep the browser out.

#[cfg(target_os = "linux")]
use crate::hostile_clients::survives_in;
use crate::hostile_clients::{FORM, MEMORY};
use crate::support::client::{Client, navigation, request};
use crate::support::guest;
use crate::support::host::Host;

/// 60 clients request a page of 4 MB and do not read it.
#[test]
fn clients_that_never_read_use_little_memory_and_delay_no_one() {
    let host = Host::run().arg(guest::from_wat("large-pending")).start();
    let request = navigation(host.addr, "/callback");
    let stuck: Vec<Client> = (0..60)
        .map(|_| {
            let mut client = host.client();
            client.send(&request);
            // A part of the page has arrived, so the queue is free again.
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

/// The host drops the oldest silent connection to make room for the next.
#[cfg(target_os = "linux")]
#[test]
fn two_thousand_silent_connections_do_not_keep_the_browser_out() {
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
            // The host accepts connections in order, so it has seen all of them once the last one is answered.
            assert_eq!(host.navigate("/x").status(), 404);
            let open = std::fs::read_dir(format!("/proc/{}/fd", host.id())).unwrap().count();
            assert!(open < 160, "{open} descriptors");
            silent
        });
    }
}

/// Clients announce 40 MB of bodies that never arrive. The host still reads the form of the browser.
#[test]
fn stalled_bodies_use_little_memory_and_delay_no_one() {
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

/// A million chunks of one byte use no more memory than a body in one piece.
#[test]
fn bodies_in_one_byte_chunks_use_little_memory() {
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

/// The callback of the browser waits behind a busy guest call while many clients connect, and keeps its place.
#[test]
fn a_queued_callback_is_not_dropped() {
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
