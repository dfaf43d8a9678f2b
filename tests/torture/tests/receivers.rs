//! The verdicts: a correct receiver passes every shape, and each mistake fails the expected shapes.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::io;
use std::time::{Duration, Instant};

use callback_torture::{End, Problem, Receiver, Report, Shape, Torture};
use support::{DEADLINE, Mistake, Server};

fn report(mistake: Option<Mistake>, deadline: Duration) -> Report {
    let torture = Torture::new(Shape::ALL, deadline);
    torture.run(|| Server::start(mistake))
}

fn problem(report: &Report, shape: Shape) -> Option<&Problem> {
    report.verdicts.iter().find(|verdict| verdict.shape == shape).unwrap().problem.as_ref()
}

/// The shapes that a server with this mistake fails.
#[track_caller]
fn failed(mistake: Mistake) -> Vec<(Shape, &'static str)> {
    let report = report(Some(mistake), DEADLINE);
    assert_eq!(report.verdicts.len(), Shape::ALL.len());
    let problems = report.verdicts.iter();
    problems.filter_map(|v| Some((v.shape, v.problem.as_ref()?.name()))).collect()
}

fn all(problem: &'static str) -> Vec<(Shape, &'static str)> {
    Shape::ALL.iter().map(|&shape| (shape, problem)).collect()
}

#[test]
fn a_correct_server_passes_every_shape() {
    let report = report(None, DEADLINE);
    assert!(report.passed(), "{report}");
    assert_eq!(report.verdicts.len(), 11);
    let text = report.to_string();
    assert!(text.starts_with("ok      plain (+0."), "{text}");
}

#[test]
fn a_truncated_page_is_reported_as_lost() {
    assert_eq!(failed(Mistake::CutsThePage), all("lost"));
    let report = report(Some(Mistake::CutsThePage), DEADLINE);
    let told = problem(&report, Shape::Plain).unwrap().to_string();
    assert_eq!(
        told,
        "the legitimate callback was lost: the connection closed before the response was complete"
    );
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
    let deadline = Duration::from_millis(500);
    let torture = |shape: Shape, deadline| Torture::new([shape], deadline);
    for shape in [Shape::SilentPreconnect, Shape::HalfSentRequest] {
        let report =
            torture(shape, deadline).run(|| Server::start(Some(Mistake::OneConnectionAtATime)));
        let told = problem(&report, shape).unwrap();
        assert!(matches!(told, Problem::Lost(_)), "{told}");
        let told = told.to_string();
        assert!(told.ends_with("no complete response within the deadline"), "{told}");
    }
    let report =
        torture(Shape::Plain, DEADLINE).run(|| Server::start(Some(Mistake::OneConnectionAtATime)));
    assert!(report.passed(), "{report}");
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
    struct Nobody(String);
    impl Receiver for Nobody {
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
    let torture = Torture::new(Shape::ALL, DEADLINE);
    let started = Instant::now();
    let report = torture.run(|| {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        Ok(Nobody(format!("http://{}/callback", listener.local_addr()?)))
    });
    assert!(
        report.verdicts.iter().all(|v| matches!(v.problem, Some(Problem::Lost(_)))),
        "{report}"
    );
    assert!(started.elapsed() < DEADLINE);
    for elsewhere in ["http://192.0.2.1:80/callback", "https://127.0.0.1/callback"] {
        let report = torture.run(|| Ok(Nobody(elsewhere.to_owned())));
        assert!(matches!(problem(&report, Shape::Plain), Some(Problem::Start(_))), "{report}");
    }
}
