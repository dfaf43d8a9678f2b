//! A run from the configuration to the outcome: load, bind, announce, open, serve, drain.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::browser;
use crate::config::Config;
use crate::connection::Service;
use crate::error::Error;
use crate::event::{Event, Events, refusing};
use crate::listener::{self, Listener};
use crate::outcome::{Failure, Outcome};
use crate::queue::Queue;
use crate::request::{Refusal, Rules};
use crate::room::Room;
use crate::sandbox::{Authorization, Sandbox, Surroundings, Terms};
use crate::session::Session;
use crate::shutdown::{Signal, Stop};
use crate::template::{Placeholder, Template};

/// How long to wait after `accept` failed and nobody could make room.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The longest authorization URL of a guest's, in bytes: browsers take longer ones, people and shells do not.
const URL_LIMIT: usize = 32 << 10;

/// What a run is handed besides its configuration.
pub(crate) struct Hooks {
    /// A listener that is already bound; otherwise the run binds.
    pub(crate) listener: Option<std::net::TcpListener>,
    /// Resolves when somebody wants the run to stop.
    pub(crate) shutdown: Shutdown,
    pub(crate) events: Events,
    /// Called at most once, with the outcome, while the page is still leaving.
    pub(crate) on_done: OnDone,
}

pub(crate) type Shutdown = Pin<Box<dyn Future<Output = Signal> + Send>>;
pub(crate) type OnDone = Box<dyn FnOnce(&Outcome) + Send>;

/// Run a flow to its end.
pub(crate) async fn run(config: Config, hooks: Hooks) -> Result<Outcome, Error> {
    let Hooks { listener, mut shutdown, events, on_done } = hooks;
    let started = tokio::select! {
        started = start(&config, listener, &events) => started?,
        signal = &mut shutdown => return Err(Error::Interrupted(signal)),
    };
    match started {
        Started::Serving(serving) => serving.serve(&config, shutdown, on_done).await,
        Started::Declined(failure) => {
            let outcome = Outcome::Failure(failure);
            events.emit(Event::Done { success: false });
            on_done(&outcome);
            events.emit(Event::Closed { delivered: None });
            Ok(outcome)
        }
    }
}

enum Started {
    Serving(Box<Serving>),
    /// The guest's authorizer ended the flow before it began.
    Declined(Failure),
}

/// A run whose listener is bound and whose browser is on its way.
struct Serving {
    listener: Listener,
    service: Arc<Service>,
    done: mpsc::UnboundedReceiver<Outcome>,
}

async fn start(
    config: &Config,
    listener: Option<std::net::TcpListener>,
    events: &Events,
) -> Result<Started, Error> {
    let log = events.clone();
    let log = Arc::new(move |line| log.emit(Event::GuestLog { line }));
    let terms = Terms {
        limits: config.limits.clone(),
        page: config.page.clone(),
        compiler: config.compiler.clone(),
        metered: false,
    };
    let sandbox = Sandbox::load(config.guest.clone(), terms, log).await?;
    if let Some(reason) = sandbox.cache_warning() {
        events.emit(Event::CacheUnused { reason: reason.to_owned() });
    }
    if config.open.is_some() && sandbox.is_authorizer() {
        return Err(Error::TwoAuthorizations);
    }
    let listener = match listener {
        Some(listener) => Listener::from_std(listener)?,
        None => Listener::bind(config.bind, &config.ports)?,
    };
    let redirect_uri = format!("http://{}{}", listener.authority(), config.path.as_str());
    let session = Arc::new(Session::issue(redirect_uri.clone())?);
    events.emit(Event::Listening { redirect_uri });

    let variables = Arc::clone(&config.variables);
    let upstream = refusing(Arc::clone(&variables), events.clone());
    let surroundings = Surroundings::real(Arc::clone(&session), variables, upstream);
    let authorization = match authorize(config, &sandbox, &surroundings).await? {
        Ok(authorization) => authorization,
        Err(failure) => return Ok(Started::Declined(failure)),
    };
    let issues_state = match &config.open {
        Some(template) => template.uses(Placeholder::State),
        None => authorization.is_some(),
    };
    if config.open.as_ref().is_some_and(|template| !template.protects()) {
        events.emit(Event::Unprotected);
    }
    let issuer = authorization.as_ref().and_then(|authorization| authorization.issuer.clone());
    if let Some(Authorization { url, .. }) = authorization {
        open(url, config.browser, events);
    }
    let (done, outcome) = mpsc::unbounded_channel();
    let service = Service {
        rules: Rules {
            authorities: listener.authorities(),
            path: config.path.clone(),
            state: issues_state.then(|| session.state().clone()),
            issuer: config.issuer.clone().or(issuer),
        },
        sandbox,
        surroundings,
        queue: Queue::new(),
        events: events.clone(),
        done,
    };
    Ok(Started::Serving(Box::new(Serving { listener, service: Arc::new(service), done: outcome })))
}

/// Where the browser goes: by `--open`, or because the guest says so, or nowhere.
async fn authorize(
    config: &Config,
    sandbox: &Sandbox,
    surroundings: &Surroundings,
) -> Result<Result<Option<Authorization>, Failure>, Error> {
    if let Some(template) = &config.open {
        let url = template.fill(&surroundings.session);
        return Ok(Ok(Some(Authorization { url, issuer: None })));
    }
    match sandbox.authorize(surroundings).await.map_err(Error::Authorize)? {
        None => Ok(Ok(None)),
        Some(Err(failure)) => Ok(Err(failure)),
        Some(Ok(authorization)) => match authorization.url.parse::<url::Url>() {
            Ok(url) if url.as_str().len() > URL_LIMIT => {
                Err(Error::LongAuthorizationUrl(url.as_str().len()))
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                Ok(Ok(Some(Authorization { url: url.into(), ..authorization })))
            }
            _ => Err(Error::AuthorizationUrl),
        },
    }
}

/// The run does not wait for the browser: some only return when they are closed.
fn open(url: String, browser: bool, events: &Events) {
    events.emit(Event::Authorize { url: url.clone(), opening: browser });
    if browser {
        let events = events.clone();
        tokio::spawn(async move {
            if let Err(reason) = browser::open(url.clone()).await {
                events.emit(Event::BrowserFailed { reason, url });
            }
        });
    }
}

impl Serving {
    async fn serve(
        self,
        config: &Config,
        mut shutdown: Shutdown,
        on_done: OnDone,
    ) -> Result<Outcome, Error> {
        let Self { listener, service, mut done } = self;
        let (stop, room, mut connections) = (Stop::new(), Room::default(), JoinSet::new());
        let deadline = Instant::now() + config.timeout;
        let mut delivered = false;
        let end = loop {
            tokio::select! {
                // An outcome that is here counts, whatever else is.
                biased;
                Some(outcome) = done.recv() => break Ok(outcome),
                signal = &mut shutdown => break Err(Error::Interrupted(signal)),
                () = sleep_until(deadline) => break Err(Error::Timeout(config.timeout)),
                Some(joined) = connections.join_next() => delivered |= joined.unwrap_or(false),
                accepted = listener.accept() => match accepted {
                    Ok(stream) => {
                        let (place, stopped) = (room.enter(), stop.subscribe());
                        connections.spawn(Arc::clone(&service).serve(stream, place, stopped));
                        // Who came is heard before more come in, and could send them away.
                        yield_now().await;
                    }
                    // Who makes room gives its descriptor back once it has run.
                    Err(error) if listener::is_out_of_descriptors(&error) && room.make_room() => {
                        yield_now().await;
                    }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
            }
        };
        drop(listener);
        service.queue.close(Refusal::Stopped);
        stop.throw();

        let report = |outcome| {
            let outcome = complete(outcome, config.open.as_ref(), &service.surroundings.session);
            service.events.emit(Event::Done { success: matches!(outcome, Outcome::Success(_)) });
            on_done(&outcome);
            outcome
        };
        let (result, late_report) = match end {
            Ok(outcome) => (Ok(report(outcome)), None),
            Err(error) => (Err(error), Some(report)),
        };
        let drained = async {
            while let Some(joined) = connections.join_next().await {
                delivered |= joined.unwrap_or(false);
            }
        };
        let _ = timeout(config.grace, drained).await;
        // A reply in flight when the run was stopped may have completed the flow all the same.
        let late = late_report.zip(done.try_recv().ok());
        let has_outcome = result.is_ok() || late.is_some();
        if let Some((report, outcome)) = late {
            report(outcome);
        }
        service.events.emit(Event::Closed { delivered: has_outcome.then_some(delivered) });
        result
    }
}

/// Add what the caller needs for the token request, where `--open` asked for it: it has no other way to know.
fn complete(outcome: Outcome, template: Option<&Template>, session: &Session) -> Outcome {
    let Outcome::Success(mut values) = outcome else { return outcome };
    let uses = |placeholder| template.is_some_and(|template| template.uses(placeholder));
    let mut set = |name: &str, value: &str| {
        values.retain(|(known, _)| known != name);
        values.push((name.to_owned(), value.to_owned()));
    };
    if uses(Placeholder::CodeChallenge) {
        set("code_verifier", session.code_verifier().expose());
        set("redirect_uri", session.redirect_uri());
    }
    if uses(Placeholder::Nonce) {
        set("nonce", session.nonce().expose());
    }
    Outcome::Success(values)
}
