//! The verdicts: a correct receiver passes every shape, and each mistake fails the expected shapes.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use callback_torture::{End, Problem, Provider, Receiver, Report, Shape, Torture, Trust};
use rustls::ServerConfig;
use support::tls::{self, Identity};
use support::{DEADLINE, Mistake, STATE, Server};

static IDENTITY: LazyLock<Identity> = LazyLock::new(Identity::self_signed);
static TLS: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| IDENTITY.server());

/// The results over plain HTTP.
fn report(mistake: Option<Mistake>, deadline: Duration) -> Report {
    let torture = Torture::new(Shape::ALL, deadline);
    torture.run(|| Server::start(mistake))
}

/// The results over TLS.
fn report_over_tls(mistake: Option<Mistake>, deadline: Duration) -> Report {
    let torture = Torture::new(Shape::ALL, deadline).trusting(IDENTITY.trust());
    torture.run(|| Server::start_with(mistake, Some(Arc::clone(&TLS))))
}

fn problem(report: &Report, shape: Shape) -> Option<&Problem> {
    report.verdicts.iter().find(|verdict| verdict.shape == shape).unwrap().problem.as_ref()
}

/// The shapes that a server with this mistake fails, over plain HTTP and over TLS.
#[track_caller]
fn failed(mistake: Mistake) -> Vec<(Shape, &'static str)> {
    let plain = failures(&report(Some(mistake), DEADLINE));
    let over_tls = failures(&report_over_tls(Some(mistake), DEADLINE));
    assert_eq!(plain, over_tls);
    plain
}

fn failures(report: &Report) -> Vec<(Shape, &'static str)> {
    assert_eq!(report.verdicts.len(), Shape::ALL.len());
    let problems = report.verdicts.iter();
    problems.filter_map(|v| Some((v.shape, v.problem.as_ref()?.name()))).collect()
}

fn all(problem: &'static str) -> Vec<(Shape, &'static str)> {
    Shape::ALL.iter().map(|&shape| (shape, problem)).collect()
}

#[test]
fn a_correct_server_passes_every_shape() {
    for report in [report(None, DEADLINE), report_over_tls(None, DEADLINE)] {
        assert!(report.passed(), "{report}");
        assert_eq!(report.verdicts.len(), 11);
        let text = report.to_string();
        assert!(text.starts_with("ok      plain (+0."), "{text}");
    }
}

#[test]
fn a_truncated_page_is_reported_as_lost() {
    assert_eq!(failed(Mistake::CutsThePage), all("lost"));
    let mistake = Some(Mistake::CutsThePage);
    for report in [report(mistake, DEADLINE), report_over_tls(mistake, DEADLINE)] {
        let told = problem(&report, Shape::Plain).unwrap().to_string();
        assert_eq!(
            told,
            "the legitimate callback was lost: the connection closed before the response was complete"
        );
    }
}

#[test]
fn a_page_that_ends_with_the_connection_is_complete() {
    assert_eq!(failed(Mistake::OmitsTheLength), []);
}

/// Without TLS, such a page is complete, because HTTP cannot know better.
#[test]
fn a_page_that_ends_without_a_close_notify_is_reported_as_lost() {
    let mistake = Some(Mistake::OmitsTheCloseNotify);
    assert_eq!(failures(&report(mistake, DEADLINE)), []);
    let report = report_over_tls(mistake, DEADLINE);
    assert_eq!(failures(&report), all("lost"));
    let told = problem(&report, Shape::Plain).unwrap().to_string();
    assert!(told.ends_with("closed without a `close_notify` before the response was complete"));
}

#[test]
fn a_reset_is_reported_as_lost() {
    assert_eq!(failed(Mistake::Resets), all("lost"));
}

#[test]
fn a_page_that_is_never_sent_is_reported_as_lost() {
    assert_eq!(failed(Mistake::SendsNoPage), all("lost"));
}

#[test]
fn an_error_page_is_reported_as_refused() {
    assert_eq!(failed(Mistake::RefusesTheCallback), all("refused"));
}

#[test]
fn a_receiver_without_the_code_is_reported_as_no_code() {
    assert_eq!(failed(Mistake::LosesTheCode), all("no-code"));
}

#[test]
fn a_server_that_accepts_any_path_fails_after_a_favicon_request() {
    let expected = [(Shape::KeepAlive, "lost"), (Shape::FaviconFirst, "lost")];
    assert_eq!(failed(Mistake::TakesAnyPath), expected);
}

#[test]
fn a_server_that_accepts_any_error_fails_after_a_forged_error() {
    assert_eq!(failed(Mistake::TakesAnyError), [(Shape::ForgedError, "lost")]);
}

#[test]
fn a_server_that_ignores_the_state_accepts_a_forged_callback() {
    let expected = [(Shape::ForgedError, "lost"), (Shape::ForgedState, "forged")];
    assert_eq!(failed(Mistake::TakesAnyState), expected);
}

#[test]
fn a_server_that_accepts_any_method_uses_the_code_on_head_and_options() {
    let expected = [(Shape::HeadFirst, "lost"), (Shape::OptionsFirst, "lost")];
    assert_eq!(failed(Mistake::TakesAnyMethod), expected);
}

#[test]
fn a_server_that_accepts_no_parameters_fails_after_an_empty_callback() {
    assert_eq!(failed(Mistake::TakesNoParameters), [(Shape::NoParameters, "lost")]);
}

#[test]
fn a_server_that_ignores_the_host_accepts_a_forged_callback() {
    assert_eq!(failed(Mistake::TakesAnyHost), [(Shape::ForeignHost, "forged")]);
}

/// The typical small server handles one connection at a time, and takes the first request for the callback.
#[test]
fn a_server_with_one_connection_hangs_on_a_silent_client() {
    let mistake = Some(Mistake::OneConnectionAtATime);
    for (tls, problem) in [
        (None, "no complete response within the deadline"),
        (Some(Arc::clone(&TLS)), "the TLS handshake did not complete within the deadline"),
    ] {
        hangs_on_a_silent_client(|| Server::start_with(mistake, tls.clone()), problem);
    }
}

/// A silent client that has completed its handshake does not block this server. One that has not does.
#[test]
fn a_server_that_handshakes_one_client_at_a_time_hangs_on_a_silent_client() {
    let mistake = Some(Mistake::HandshakesOneAtATime);
    assert_eq!(failures(&report(mistake, DEADLINE)), []);
    hangs_on_a_silent_client(
        || Server::start_with(mistake, Some(Arc::clone(&TLS))),
        "the TLS handshake did not complete within the deadline",
    );
}

#[track_caller]
fn hangs_on_a_silent_client(start: impl Fn() -> io::Result<Server>, expected: &str) {
    let silent = [Shape::SilentPreconnect, Shape::HalfSentRequest];
    let torture = Torture::new(silent, Duration::from_millis(500)).trusting(IDENTITY.trust());
    let report = torture.run(&start);
    for shape in silent {
        let told = problem(&report, shape).unwrap();
        assert!(matches!(told, Problem::Lost(_)), "{told}");
        assert!(told.to_string().ends_with(expected), "{told}");
    }
    let others = [Shape::Plain, Shape::FaviconFirst];
    let report = Torture::new(others, DEADLINE).trusting(IDENTITY.trust()).run(&start);
    assert!(report.passed(), "{report}");
}

#[test]
fn a_server_with_only_tls_1_2_passes_every_shape() {
    let torture = Torture::new(Shape::ALL, DEADLINE).trusting(IDENTITY.trust());
    let old = IDENTITY.server_with(&[&rustls::version::TLS12]);
    let report = torture.run(|| Server::start_with(None, Some(Arc::clone(&old))));
    assert!(report.passed(), "{report}");
}

#[test]
fn a_certificate_is_trusted_if_its_authority_is() {
    let (identity, authority) = Identity::from_authority();
    let trust = Trust::from_pem(authority.as_bytes()).unwrap();
    let torture = Torture::new([Shape::Plain], DEADLINE).trusting(trust);
    let report = torture.run(|| Server::start_with(None, Some(identity.server())));
    assert!(report.passed(), "{report}");
}

/// Nothing is trusted by default.
#[test]
fn a_certificate_that_is_not_accepted_is_reported_with_the_reason() {
    let refused = |identity: &Identity, trust| {
        let torture = Torture::new(Shape::ALL, DEADLINE).trusting(trust);
        let started = Instant::now();
        let report = torture.run(|| Server::start_with(None, Some(identity.server())));
        assert!(started.elapsed() < DEADLINE, "a row waited for the end of the server");
        assert_eq!(failures(&report), all("untrusted"));
        problem(&report, Shape::Plain).unwrap().to_string()
    };
    let told = refused(&IDENTITY, Trust::default());
    assert_eq!(told, "the certificate is not accepted: no trusted authority has signed it");
    let told = refused(&IDENTITY, Identity::self_signed().trust());
    assert!(told.ends_with("has the name of its issuer, but another key"), "{told}");
    let refused = |params| {
        let identity = Identity::signed(&params);
        refused(&identity, identity.trust())
    };
    let mut expired = tls::params();
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let told = refused(expired);
    assert!(told.contains("certificate expired"), "{told}");
    let mut of_authority = tls::params();
    of_authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let told = refused(of_authority);
    assert!(told.contains("of an authority (`CA:TRUE`), not of a server"), "{told}");
    let told = refused(rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap());
    assert!(told.contains("not valid for name \"127.0.0.1\""), "{told}");
}

/// A URL, at which no receiver needs to be.
struct Place(String);

impl Receiver for Place {
    fn redirect_uri(&self) -> &str {
        &self.0
    }

    fn state(&self) -> Option<&str> {
        None
    }

    fn finish(self, _: Duration) -> io::Result<End> {
        Ok(End::now(""))
    }
}

#[test]
fn a_server_that_does_not_speak_tls_as_its_url_says_is_reported_as_lost() {
    let torture = Torture::new([Shape::Plain], Duration::from_millis(500));
    let told = |start: &dyn Fn() -> io::Result<String>| {
        let report = torture.run(|| start().map(Place));
        let told = problem(&report, Shape::Plain).unwrap();
        assert!(matches!(told, Problem::Lost(_)), "{told}");
        told.to_string()
    };
    // The server answers with an alert, which is not HTTP, or resets the connection.
    let over_tls = || Server::start_with(None, Some(Arc::clone(&TLS)));
    told(&|| Ok(over_tls()?.redirect_uri().replace("https:", "http:")));
    // This server waits for the end of a request.
    let waits = told(&|| Ok(Server::start(None)?.redirect_uri().replace("http:", "https:")));
    assert!(waits.ends_with("the TLS handshake did not complete within the deadline"), "{waits}");
    let answers = told(&|| {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("https://{}/callback", listener.local_addr()?);
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        Ok(url)
    });
    assert!(answers.contains("the TLS handshake failed: received corrupt message"), "{answers}");
}

#[test]
fn the_provider_signs_in_over_tls_if_it_trusts_the_certificate() {
    let sign_in = |trust| {
        let provider = Provider::start()?.trusting(trust);
        let server = Server::start_with(None, Some(Arc::clone(&TLS)))?;
        let url = format!(
            "{}?response_type=code&client_id=x&redirect_uri={}&state={STATE}",
            provider.authorization_endpoint(),
            server.redirect_uri()
        );
        let page = provider.sign_in(&url)?;
        Ok((page.status(), server.finish(DEADLINE)?.received))
    };
    let (status, code): (http::StatusCode, String) = sign_in(IDENTITY.trust()).unwrap();
    assert_eq!((status.as_u16(), code.as_str()), (200, "code-1"));
    let error: io::Error = sign_in(Trust::default()).unwrap_err();
    assert_eq!(error.to_string(), "no trusted authority has signed it");
}

#[test]
fn a_receiver_that_does_not_end_is_reported_as_hanging() {
    struct Endless(Server);
    impl Receiver for Endless {
        fn redirect_uri(&self) -> &str {
            self.0.redirect_uri()
        }
        fn state(&self) -> Option<&str> {
            self.0.state()
        }
        fn finish(self, _: Duration) -> io::Result<End> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let torture = Torture::new([Shape::Plain], DEADLINE);
    let report = torture.run(|| Server::start(None).map(Endless));
    assert!(matches!(problem(&report, Shape::Plain), Some(Problem::Hangs(_))), "{report}");
}

#[test]
fn an_unreachable_receiver_is_reported_as_lost_at_once() {
    let torture = Torture::new(Shape::ALL, DEADLINE);
    let started = Instant::now();
    let report = torture.run(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        Ok(Place(format!("http://{}/callback", listener.local_addr()?)))
    });
    assert!(
        report.verdicts.iter().all(|v| matches!(v.problem, Some(Problem::Lost(_)))),
        "{report}"
    );
    assert!(started.elapsed() < DEADLINE);
    for elsewhere in ["http://192.0.2.1:80/callback", "ftp://127.0.0.1/callback"] {
        let report = torture.run(|| Ok(Place(elsewhere.to_owned())));
        assert!(matches!(problem(&report, Shape::Plain), Some(Problem::Start(_))), "{report}");
    }
}
