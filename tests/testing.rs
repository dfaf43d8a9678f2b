//! `curtaincall::testing`, as authors of guests and of programs that embed the host use it.

use std::time::{Duration, SystemTime};

use curtaincall::error::{AuthorizationError, Remedy};
use curtaincall::testing::{AuthorizeError, CallError, CannedAnswer, End, Fault, TestGuest};
use curtaincall::{Guest, Limit, NetGrants, Outcome};
use http::{HeaderValue, Method, Request, StatusCode};

use crate::support::guest;

#[track_caller]
fn load(name: &str) -> TestGuest {
    TestGuest::load(Guest::file(guest::built(name))).unwrap()
}

fn get(target: &str) -> Request<Vec<u8>> {
    Request::get(target).body(Vec::new()).unwrap()
}

fn token_answer() -> CannedAnswer {
    CannedAnswer::new(Method::POST, &"https://idp.example/token".parse().unwrap())
}

#[track_caller]
fn exchange_guest() -> TestGuest {
    let mut guest = load("exchange");
    guest.setup().variables.set("client_id", "bot");
    guest.setup().variables.set("token_endpoint", "https://idp.example/token");
    guest.setup().net.allow("https://idp.example/token").unwrap();
    guest
}

#[test]
fn a_guest_answers_a_request_with_a_response() {
    let mut guest = load("hello");
    let reply = guest.call(get("/callback?code=abc&name=Eve")).unwrap();
    assert_eq!(reply.response.status(), StatusCode::OK);
    assert_eq!(reply.response.headers()["cache-control"], "no-store");
    assert!(reply.text().contains("Hello, Eve"), "{}", reply.text());
    assert_eq!(reply.outcome().and_then(|outcome| outcome.get("code")), Some("abc"));
    assert!(reply.cost.memory > 64 << 10);
}

#[test]
fn canned_answers_are_returned_and_requests_are_recorded() {
    let mut guest = exchange_guest();
    guest.setup().clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    guest.setup().answer(
        token_answer()
            .if_form("code", "abc")
            .header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body("{\"access_token\":\"t0ken\",\"expires_in\":60}")
            .delay(Duration::from_secs(5)),
    );
    let reply = guest.call(get("/callback?code=abc")).unwrap();
    let Some(Outcome::Success(values)) = reply.outcome() else { panic!("{reply}") };
    // The answer took 5 s of the virtual time of the guest, and no real time.
    assert_eq!(values[0], ("expires_at".to_owned(), "1065".to_owned()));
    assert_eq!(values[1], ("access_token".to_owned(), "t0ken".to_owned()));
    let [asked] = &guest.asked()[..] else { panic!("expected one request") };
    assert_eq!(asked.method(), Method::POST);
    assert!(asked.body().starts_with(b"grant_type=authorization_code&code=abc&"));
}

#[test]
fn a_request_that_is_not_granted_is_not_sent() {
    // The origin alone is not enough: it is never sent a secret.
    for grant in [None, Some("https://idp.example"), Some("https://idp.example/token/")] {
        let mut guest = exchange_guest();
        guest.setup().answer(token_answer().body("{\"access_token\":\"t0ken\"}"));
        guest.setup().net = NetGrants::default();
        if let Some(url) = grant {
            guest.setup().net.allow(url).unwrap();
        }
        let reply = guest.call(get("/callback?code=abc")).unwrap();
        let Some(Outcome::Failure(failure)) = reply.outcome() else { panic!("{reply}") };
        let description = failure.description.as_deref().unwrap();
        assert!(description.contains("The URL was not granted"), "{description}");
        assert!(guest.asked().is_empty());
    }
}

#[test]
fn a_guest_can_identify_a_fault() {
    let mut guest = exchange_guest();
    guest.setup().answer(token_answer().fault(Fault::DnsTimeout));
    let reply = guest.call(get("/callback?code=abc")).unwrap();
    let Some(Outcome::Failure(failure)) = reply.outcome() else { panic!("{reply}") };
    let description = failure.description.as_deref().unwrap();
    assert!(description.contains("The provider did not answer in time."), "{description}");
}

#[test]
fn an_unanswered_request_is_an_error_that_contains_the_request() {
    let mut guest = exchange_guest();
    guest.setup().answer(token_answer().if_form("code", "other"));
    let error = guest.call(get("/callback?code=abc")).unwrap_err();
    let CallError::Unanswered(asked) = error else { panic!("{error}") };
    assert!(asked[0].starts_with("POST https://idp.example/token\n"), "{asked:?}");
    assert!(asked[0].contains("code=abc"), "{asked:?}");
}

#[test]
fn an_authorization_request_has_parameters_and_an_issuer() {
    let issuer = "https://idp.example";
    let starts = guest::starts("library", guest::AUTHORIZE, Some(issuer));
    let mut guest = TestGuest::load(Guest::file(starts)).unwrap();
    let error = guest.authorize().unwrap_err();
    let AuthorizeError::Invalid(AuthorizationError::NotGranted(missing)) = error else {
        panic!("{error}")
    };
    guest.setup().net.allow_open(&missing.open.unwrap()).unwrap();
    let request = guest.authorize().unwrap();
    assert_eq!(request.url.as_str(), guest::AUTHORIZE);
    assert_eq!(request.parameter("scope").as_deref(), Some("read write"));
    assert_eq!(request.parameter("nonce"), None);
    assert_eq!(request.parameters().count(), 7);
    assert_eq!(request.issuer.as_deref(), Some(issuer));
    // Later callbacks must name the issuer.
    let reply = guest.call(get("/callback?code=abc&state=state")).unwrap();
    assert!(matches!(reply.end, End::Refused(_)), "{reply}");
    let callback = format!("/callback?code=abc&state=state&iss={issuer}");
    let reply = guest.call(get(&callback)).unwrap();
    assert_eq!(reply.outcome().and_then(|outcome| outcome.get("code")), Some("abc"));
}

#[test]
fn a_secret_of_the_test_is_not_allowed_in_the_authorization_url() {
    let leaks = guest::starts("library-leak", &guest::AUTHORIZE.replace("bot", "hunter2"), None);
    let mut guest = TestGuest::load(Guest::file(leaks)).unwrap();
    guest.setup().secret("client_secret", "hunter2").net.allow_open("https://idp.example").unwrap();
    let error = guest.authorize().unwrap_err();
    assert!(matches!(error, AuthorizeError::Invalid(AuthorizationError::Secret(_))), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_guest_without_an_authorization_url_says_why() {
    let declines = guest::component("declines", "provider", "");
    let mut guest = TestGuest::load(Guest::file(declines)).unwrap();
    let error = guest.authorize().unwrap_err();
    assert_eq!(error.to_string(), "the guest declined to start the flow with `closed`");
    let AuthorizeError::Declined(failure) = error else { panic!("{error}") };
    assert_eq!((failure.error.as_str(), failure.description), ("closed", None));
    let error = exchange_guest().authorize().unwrap_err();
    assert!(matches!(error, AuthorizeError::NoAuthorizer), "{error}");
}

#[tokio::test]
async fn a_guest_can_be_asked_for_its_url_in_an_async_test() {
    let starts = guest::starts("library-async", guest::AUTHORIZE, None);
    let mut guest = TestGuest::load(Guest::file(starts)).unwrap();
    guest.setup().option("allow-open", "https://idp.example").unwrap();
    assert_eq!(guest.authorize().unwrap().issuer, None);
}

#[test]
fn the_same_seed_and_clock_give_the_same_bytes() {
    let [first, second] = [0, 1].map(|_| load("probe").call(get("/callback?sleep=7")).unwrap());
    assert_eq!(first.text(), second.text());
    let mut other = load("probe");
    other.setup().seed = 1;
    assert_ne!(other.call(get("/callback?sleep=7")).unwrap().text(), first.text());
}

#[test]
fn consecutive_calls_get_different_random_bytes_and_later_times() {
    let mut guest = load("probe");
    let [first, second] = [0, 1].map(|_| guest.call(get("/callback?sleep=1000")).unwrap().text());
    let line = |text: &str, start: &str| {
        text.lines().find(|line| line.starts_with(start)).unwrap().to_owned()
    };
    assert_eq!(line(&first, "time"), "time: 946684801.000000000");
    assert_eq!(line(&second, "time"), "time: 946684802.000000000");
    assert_ne!(line(&first, "random"), line(&second, "random"));
}

#[test]
fn checks_limits_and_ends_match_those_of_a_run() {
    let mut guest = load("probe");
    guest.setup().session("state", "ours").unwrap();
    let refused = |end: &End| match end {
        End::Refused(refusal) => refusal.reason(),
        end => panic!("{end}"),
    };
    assert_eq!(refused(&guest.call(get("/favicon.ico")).unwrap().end), "path");
    assert_eq!(refused(&guest.call(get("/callback?state=theirs")).unwrap().end), "state");
    guest.setup().option("max-log", "1KiB").unwrap();
    let long = "x".repeat(4096);
    let reply = guest.call(get(&format!("/callback?state=ours&log={long}&done=1"))).unwrap();
    assert!(guest.setup().take_log().concat().contains("(cut here: "));
    assert!(reply.outcome().is_some());
    assert_eq!(refused(&guest.call(get("/callback?state=ours")).unwrap().end), "already-done");
}

#[test]
fn a_guest_that_sleeps_forever_is_ended_at_once() {
    let mut guest = TestGuest::load(Guest::file(guest::from_wat("sleep"))).unwrap();
    let reply = guest.call(get("/callback")).unwrap();
    let End::Failed(error) = &reply.end else { panic!("{reply}") };
    assert!(error.to_string().contains("30s of wall time"), "{error}");
}

#[tokio::test]
async fn a_guest_can_be_called_in_an_async_test() {
    let mut guest = load("hello");
    let reply = guest.call(get("/callback?code=abc")).unwrap();
    assert_eq!(reply.response.status(), 200);
}

/// No clock ends a guest that keeps sending requests, so each call ends in the same way.
#[test]
fn the_request_limit_is_deterministic() {
    for _ in 0..50 {
        let mut guest = load("probe");
        guest.setup().option("max-outgoing-requests", "2").unwrap();
        guest
            .setup()
            .answer(CannedAnswer::new(Method::GET, &"https://a.example/".parse().unwrap()));
        let reply =
            guest.call(get("/callback?ask=https://a.example&ask=https://a.example")).unwrap();
        assert!(matches!(reply.end, End::Pending), "{reply}");
        let target = format!("/callback?{}", "ask=https://a.example&".repeat(3));
        let reply = guest.call(get(&target)).unwrap();
        let End::Failed(error) = &reply.end else { panic!("{reply}") };
        assert!(error.to_string().contains("its limit of 2 outgoing requests"), "{error}");
        assert_eq!(guest.asked().len(), 4);
    }
}

#[test]
fn outgoing_requests_and_answers_have_a_size_limit() {
    let mut guest = load("probe");
    guest.setup().option("max-outgoing-data", "1KiB").unwrap();
    let large = CannedAnswer::new(Method::GET, &"https://a.example/".parse().unwrap());
    guest.setup().answer(large.body(vec![b'x'; 1025]));
    let reply = guest.call(get("/callback?ask=https://a.example")).unwrap();
    let End::Failed(error) = &reply.end else { panic!("{reply}") };
    let message = "the guest reached its limit of 1KiB of outgoing requests and responses";
    assert_eq!(error.to_string(), message);
    assert_eq!(error.remedy(), Some(Remedy::Raise(Limit::OutgoingData)));
}
