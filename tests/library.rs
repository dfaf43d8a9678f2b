//! The library: a program passes the listener and the shutdown signal.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use curtaincall::error::{
    BindError, LoadError, PasteError, PresetError, Refusal, TlsIdentityError,
};
use curtaincall::{
    Accepted, Bind, Browser, ByteSize, Compiler, Config, Error, Event, Flow, Guest, Limits,
    NetGrants, Outcome, PageGrant, PageGrants, Paste, Preset, Signal, Template, TlsIdentity, Trust,
    Variables,
};

use crate::support::DEADLINE;
use crate::support::client::{Client, navigate, request};
use crate::support::guest;
use crate::support::tls::Authority;

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Run the flow on its own runtime, as a program would.
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
fn on_done_is_called_before_the_page_is_sent() {
    let (listener, addr) = listener();
    let (told, heard) = mpsc::channel();
    let browser = thread::spawn(move || {
        let mut client = Client::connect(addr);
        client.send(request(addr, "/callback"));
        // The client reads the page only after it has the outcome.
        let outcome: Outcome = heard.recv_timeout(DEADLINE).unwrap();
        assert_eq!(outcome.get("code"), Some("abc"));
        client.response().body.len()
    });
    let flow = Flow::new()
        .guest(Guest::file(guest::from_wat("large-reply")))
        .listener(listener)
        .on_done(move |outcome| told.send(outcome.clone()).unwrap());
    run(flow).unwrap();
    assert_eq!(browser.join().unwrap(), 4_000_000);
}

#[test]
fn a_program_passes_on_what_a_person_pastes() {
    let (listener, addr) = listener();
    let (seen, events) = mpsc::channel();
    let (paste, pasted) = Paste::channel();
    let flow =
        Flow::new().listener(listener).issuer("https://idp.example").pasted(pasted).on_event(
            move |event| {
                let _ = seen.send(event.name());
            },
        );
    let callback = |query: &str| format!("http://{addr}/callback?{query}");
    let iss = "iss=https%3A%2F%2Fidp.example";
    let person = async {
        paste.ready().await;
        let refused = paste.submit(callback("code=abc&iss=other")).await;
        assert_eq!(refused, Err(PasteError::Refused(Refusal::Issuer)));
        assert!(matches!(paste.submit("abc").await, Err(PasteError::CodeAlone { .. })));
        assert_eq!(paste.submit(callback(&format!("code=abc&{iss}"))).await, Ok(Accepted::Done));
        paste.submit(callback(&format!("code=again&{iss}"))).await
    };
    let both = async { tokio::join!(flow.run(), person) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let both = runtime.block_on(async { tokio::time::timeout(DEADLINE, both).await });
    let (outcome, later) = both.unwrap();
    assert_eq!(outcome.unwrap().get("code"), Some("abc"));
    let is_over = [PasteError::Refused(Refusal::AlreadyDone), PasteError::Ended];
    assert!(is_over.contains(&later.unwrap_err()));
    let events: Vec<_> = events.iter().flatten().collect();
    assert_eq!(&events[..3], ["listening", "refused", "replied"]);
    assert!(events.contains(&"done") && events.contains(&"closed"), "{events:?}");
    assert!(Client::try_connect(addr).is_err());
}

#[test]
fn a_text_for_a_flow_that_does_not_run_is_refused() {
    let (paste, pasted) = Paste::channel();
    drop(Flow::new().pasted(pasted));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(paste.submit("code=abc")), Err(PasteError::Ended));
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
fn a_timeout_is_a_separate_error() {
    let timeout = Duration::from_millis(10);
    let error = run(Flow::new().listener(listener().0).timeout(timeout)).unwrap_err();
    assert!(matches!(error, Error::Timeout(given) if given == timeout), "{error:?}");
}

#[test]
fn a_listener_outside_loopback_is_refused() {
    let open = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let error = run(Flow::new().listener(open)).unwrap_err();
    assert!(error.to_string().contains("which is not a loopback address"), "{error}");
}

#[test]
fn events_are_reported_as_they_happen() {
    let (listener, addr) = listener();
    let (told, heard) = mpsc::channel();
    let browser = thread::spawn(move || navigate(addr, "/callback?code=abc"));
    let flow = Flow::new().listener(listener).on_event(move |event| {
        let name = match event {
            Event::Listening { redirect_uri, .. } => redirect_uri.clone(),
            Event::Replied { status, .. } => status.to_string(),
            Event::Done { success, .. } => success.to_string(),
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

#[test]
fn a_program_receives_the_callback_over_tls() {
    let authority = Authority::new("library");
    let identity = |name: &str| {
        let issued = authority.issue(&[name]);
        TlsIdentity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap()
    };
    let (bound, addr) = listener();
    let config = Arc::new(authority.client());
    let browser = thread::spawn(move || {
        let mut client = Client::secure(addr, config);
        client.send(request(addr, "/callback?code=abc")).response().status()
    });
    let outcome = run(Flow::new().listener(bound).tls(identity("127.0.0.1"))).unwrap();
    assert_eq!(outcome.get("code"), Some("abc"));
    assert_eq!(browser.join().unwrap(), 200);
    // Without a listener of the program, the certificate is for the address of `bind`.
    for flow in [Flow::new().listener(listener().0), Flow::new()] {
        let error = run(flow.tls(identity("localhost"))).unwrap_err();
        assert!(matches!(error, Error::Tls(TlsIdentityError::Host { .. })), "{error}");
    }
}

/// The first flow must not affect the second.
#[test]
fn a_program_can_run_two_flows() {
    for _ in 0..2 {
        let (listener, addr) = listener();
        let browser = thread::spawn(move || navigate(addr, "/callback?code=abc"));
        run(Flow::new().listener(listener)).unwrap();
        browser.join().unwrap();
    }
}

/// Complete a flow with this guest. Returns the outcome and the page.
fn sign_in(guest: Guest) -> (Outcome, String) {
    let (listener, addr) = listener();
    let browser = thread::spawn(move || {
        let mut client = Client::connect(addr);
        client.send(request(addr, "/callback?code=abc&name=Eve")).response().text().to_owned()
    });
    let outcome = run(Flow::new().guest(guest).listener(listener)).unwrap();
    (outcome, browser.join().unwrap())
}

#[test]
fn a_program_can_embed_its_guest() {
    let guest = Guest::from_bytes("hello", include_bytes!("guests/hello.wasm"));
    assert_eq!(format!("{guest} {guest:?}"), "hello Bytes(\"hello\")");
    let (outcome, page) = sign_in(guest);
    assert_eq!(outcome.get("code"), Some("abc"));
    assert!(page.contains("Hello, Eve"), "{page}");
}

#[test]
fn bytes_named_wat_are_parsed_as_text() {
    let text = std::fs::read(guest::component_with_more("done", "")).unwrap();
    let (outcome, page) = sign_in(Guest::from_bytes("done.wat", text.clone()));
    assert_eq!(outcome.get("code"), Some("abc"));
    assert!(page.contains("bye"), "{page}");
    let error = run(Flow::new().guest(Guest::from_bytes("done", text))).unwrap_err();
    assert_eq!(error.to_string(), "the guest `done` is not WebAssembly");
}

#[test]
fn limits_apply_to_a_guest_from_bytes() {
    let mut limits = Limits::default();
    limits.component = ByteSize::kib(1);
    let guest = Guest::from_bytes("hello", include_bytes!("guests/hello.wasm"));
    let error = run(Flow::new().guest(guest).limits(limits)).unwrap_err();
    assert!(matches!(error, Error::Load(LoadError::Limit { .. })), "{error:?}");
}

#[test]
fn an_unknown_embedded_guest_is_an_error_that_lists_the_known_ones() {
    assert_eq!(Guest::embedded("default").unwrap(), Guest::default());
    let error = Guest::embedded("typo").unwrap_err();
    assert_eq!(error.to_string(), "unknown embedded guest `typo`: expected `default`, `oauth2`");
}

#[test]
fn a_preset_says_what_it_needs_and_a_guest_replaces_it() {
    let preset = || Preset::named("github").unwrap();
    let error = run(Flow::new().preset(preset())).unwrap_err();
    let Error::Preset(PresetError::Missing { preset: name, needs }) = &error else {
        panic!("{error:?}")
    };
    let needs: Vec<_> = needs.iter().map(|need| need.name.as_str()).collect();
    assert_eq!((name.as_str(), &needs[..]), ("github", &["client_id", "client_secret"][..]));
    // The grants of a preset are not for other guests.
    let (listener, addr) = listener();
    let browser = thread::spawn(move || navigate(addr, "/callback?code=abc").status());
    let flow = Flow::new().preset(preset()).guest(Guest::default()).listener(listener);
    assert_eq!(run(flow).unwrap().get("code"), Some("abc"));
    assert_eq!(browser.join().unwrap(), 200);
}

#[test]
fn only_a_loopback_address_can_be_bound() {
    let bind = Bind::try_from(IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(bind, Ok(Bind::default()));
    let error = Bind::try_from(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).unwrap_err();
    assert_eq!(error, BindError::NotLoopback(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
}

fn scripts() -> PageGrants {
    ["scripts".parse::<PageGrant>().unwrap()].into_iter().collect()
}

/// A certificate. Each one is different.
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let certified = rcgen::generate_simple_self_signed(["idp.example".to_owned()]).unwrap();
    let mut trust = Trust::default();
    trust.add_pem(certified.cert.pem().as_bytes()).unwrap();
    trust
});

#[test]
fn a_flow_can_set_everything_that_the_command_line_can() {
    type Change = fn(&mut Config);
    let template: Template = "https://idp.example/?state={state}".parse().unwrap();
    let mut variables = Variables::default();
    variables.set("client_id", "bot");
    variables.set_secret("client_secret", "hunter2");
    let mut limits = Limits::default();
    limits.handles = 1;
    let mut net = NetGrants::default();
    net.allow("https://idp.example/token").unwrap().allow_open("https://idp.example").unwrap();
    let cases: [(Flow, Change); 16] = [
        (Flow::new().guest(Guest::file("a.wasm")), |config| config.guest = Guest::file("a.wasm")),
        (Flow::new().open(template), |config| {
            config.open = Some("https://idp.example/?state={state}".parse().unwrap());
        }),
        (Flow::new().browser(Browser::None), |config| config.browser = Browser::None),
        (Flow::new().other_users(true), |config| config.other_users = true),
        (Flow::new().bind("::1".parse().unwrap()), |config| config.bind = "::1".parse().unwrap()),
        (Flow::new().ports([8000, 0]), |config| config.ports = vec![8000, 0]),
        (Flow::new().path("/back".parse().unwrap()), |config| {
            config.path = "/back".parse().unwrap();
        }),
        (Flow::new().issuer("https://idp.example"), |config| {
            config.issuer = Some("https://idp.example".to_owned());
        }),
        (Flow::new().timeout(Duration::ZERO), |config| config.timeout = Duration::ZERO),
        (Flow::new().grace(Duration::ZERO), |config| config.grace = Duration::ZERO),
        (Flow::new().limits(limits), |config| config.limits.handles = 1),
        (Flow::new().page(scripts()), |config| config.page = scripts()),
        (Flow::new().variables(variables), |config| {
            config.variables.set("client_id", "bot");
            config.variables.set_secret("client_secret", "hunter2");
        }),
        (Flow::new().net(net), |config| {
            config.net.allow("https://idp.example/token").unwrap();
            config.net.allow_open("https://idp.example").unwrap();
        }),
        (Flow::new().trust(TRUST.clone()), |config| config.trust = TRUST.clone()),
        (Flow::new().compiler(Compiler::Program("host".into())), |config| {
            config.compiler = Compiler::Program("host".into());
        }),
    ];
    let default = format!("{:?}", Flow::new());
    for (flow, change) in cases {
        let mut config = Config::default();
        change(&mut config);
        let flow = format!("{flow:?}");
        assert_eq!(flow, format!("{:?}", Flow::from(config)));
        assert_ne!(flow, default);
    }
}
