//! The same as a library: with the listener and the shutdown signal handed in.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;

use curtaincall::{Error, Event, Flow, Guest, Outcome, Signal};

use crate::support::DEADLINE;
use crate::support::client::{Client, navigate, request};
use crate::support::guest;

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Run the flow on a runtime of its own, as a program would.
fn run(flow: Flow) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result =
        runtime.block_on(async { tokio::time::timeout(DEADLINE, flow.run()).await.unwrap() });
    runtime.shutdown_background();
    result
}

#[test]
fn a_program_gets_the_outcome() {
    let (listener, addr) = listener();
    let browser = thread::spawn(move || navigate(addr, "/callback?code=abc").status());
    let outcome = run(Flow::new().listener(listener)).unwrap();
    assert_eq!(outcome.get("code"), Some("abc"));
    assert_eq!(browser.join().unwrap(), 200);
}

#[test]
fn the_outcome_is_told_before_the_page_has_left() {
    let (listener, addr) = listener();
    let (told, heard) = mpsc::channel();
    let browser = thread::spawn(move || {
        let mut client = Client::connect(addr);
        client.send(request(addr, "/callback"));
        // Not a byte of the page is read before the outcome is known.
        let outcome: Outcome = heard.recv_timeout(DEADLINE).unwrap();
        assert_eq!(outcome.get("code"), Some("abc"));
        client.response().body.len()
    });
    let flow = Flow::new()
        .guest(Guest::File(guest::from_wat("large-reply")))
        .listener(listener)
        .on_done(move |outcome| told.send(outcome.clone()).unwrap());
    run(flow).unwrap();
    assert_eq!(browser.join().unwrap(), 4_000_000);
}

#[test]
fn a_shutdown_signal_stops_the_run() {
    let (listener, addr) = listener();
    let error =
        run(Flow::new().listener(listener).shutdown(async { Signal::Terminate })).unwrap_err();
    assert!(matches!(error, Error::Interrupted(Signal::Terminate)), "{error:?}");
    assert!(Client::try_connect(addr).is_err());
}

#[test]
fn a_timeout_is_an_error_of_its_own() {
    let timeout = std::time::Duration::from_millis(10);
    let error = run(Flow::new().listener(listener().0).timeout(timeout)).unwrap_err();
    assert!(matches!(error, Error::Timeout(given) if given == timeout), "{error:?}");
}

#[test]
fn a_listener_that_others_could_reach_is_refused() {
    let open = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let error = run(Flow::new().listener(open)).unwrap_err();
    assert!(error.to_string().contains("which is not a loopback address"), "{error}");
}

#[test]
fn events_are_told_as_they_happen() {
    let (listener, addr) = listener();
    let (told, heard) = mpsc::channel();
    let browser = thread::spawn(move || navigate(addr, "/callback?code=abc"));
    let flow = Flow::new().listener(listener).on_event(move |event| {
        let name = match event {
            Event::Listening { redirect_uri } => redirect_uri.clone(),
            Event::Replied { status, .. } => status.to_string(),
            Event::Done { success } => success.to_string(),
            other => format!("{other:?}"),
        };
        told.send(name).unwrap();
    });
    run(flow).unwrap();
    browser.join().unwrap();
    let events: Vec<_> = heard.iter().collect();
    let expected =
        [&format!("http://{addr}/callback"), "200", "true", "Closed { delivered: Some(true) }"];
    assert_eq!(events, expected);
}

/// The first of a program's runs leaves nothing behind that the next one would notice.
#[test]
fn a_program_can_run_two_flows() {
    for _ in 0..2 {
        let (listener, addr) = listener();
        let browser = thread::spawn(move || navigate(addr, "/callback?code=abc"));
        run(Flow::new().listener(listener)).unwrap();
        browser.join().unwrap();
    }
}
