//! Runs a flow, from the configuration to the outcome: loads the guest, binds, opens the browser, serves and drains.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::browser::Browser;
use crate::config::Config;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::network::ReadableOrigins;
use crate::outcome::{Failure, Outcome};
use crate::provider;
use crate::redirection;
use crate::request::{Refusal, Rules};
use crate::sandbox::{Authorization, FlowStart, LogLine, Sandbox, Surroundings, Terms, announced};
use crate::server::connection::Service;
use crate::server::connections::Connections;
use crate::server::listener::Listener;
use crate::server::once::Once;
use crate::server::paste::Pasted;
use crate::server::peer::Peers;
use crate::server::progress::{Ending, LastPage, ProgressReceiver, Shutdown};
use crate::server::queue::Queue;
use crate::session::Session;
use crate::template::{self, Placeholder, Template};

/// What the caller passes to a run besides its configuration.
pub(crate) struct Hooks {
    /// A listener that is already bound. Without it, the run binds one.
    pub(crate) listener: Option<std::net::TcpListener>,
    /// Resolves when the run should stop.
    pub(crate) shutdown: Shutdown,
    pub(crate) events: Events,
    /// The callbacks that a person pastes.
    pub(crate) pasted: Option<Pasted>,
    /// Called at most once, with the outcome, while the last page is still being sent.
    pub(crate) on_done: OnDone,
}

pub(crate) type OnDone = Box<dyn FnOnce(&Outcome) + Send>;

/// Runs a flow and returns its outcome.
pub(crate) async fn run(config: Config, hooks: Hooks) -> Result<Outcome, Error> {
    let config = config.with_preset()?;
    let Hooks { listener, mut shutdown, events, pasted, on_done } = hooks;
    let started = tokio::select! {
        started = start(&config, listener, &events) => started?,
        signal = &mut shutdown => return Err(Error::Interrupted(signal)),
    };
    match started {
        Started::Serving(serving) => serving.serve(&config, shutdown, pasted, on_done).await,
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

/// A run whose listener is bound and whose browser is starting.
struct Serving {
    listener: Listener,
    peers: Peers,
    service: Arc<Service>,
    progress: ProgressReceiver,
    /// The task that opens the browser. It ends with the run.
    browser: JoinSet<()>,
}

async fn start(
    config: &Config,
    listener: Option<std::net::TcpListener>,
    events: &Events,
) -> Result<Started, Error> {
    config.browser.check()?;
    let log = events.clone();
    let log = Arc::new(move |line: LogLine| log.emit(line.into()));
    let terms = Terms {
        limits: config.limits.clone(),
        page: config.page.clone(),
        compiler: config.compiler.clone(),
        metered: false,
        reveal: config.variables.has_revealed(),
    };
    let loading = Sandbox::load(config.guest.clone(), terms, log);
    let compiling = || events.emit(Event::Compiling { bytes: config.guest.size() });
    let sandbox = announced(loading, compiling).await?;
    if let Some(reason) = sandbox.cache_warning() {
        events.emit(Event::CacheUnused { reason: reason.to_owned() });
    }
    if config.open.is_some() && sandbox.is_authorizer() {
        return Err(Error::TwoAuthorizations);
    }
    provider::check_template(config, &sandbox)?;
    if let Some(preset) = &config.preset {
        let name = preset.title().to_owned();
        events.emit(Event::Contacts { name, hosts: config.net.hosts() });
    }
    let listener = redirection::listen(config, listener)?;
    let session = Arc::new(redirection::session(config, &listener)?);
    events.emit(Event::Listening {
        redirect_uri: session.redirect_uri().to_owned(),
        address: listener.authority(),
    });

    let variables = Arc::new(config.variables.clone());
    let inputs = provider::inputs(config, &variables, events)?;
    let upstream = ReadableOrigins::new(&inputs);
    let mut surroundings =
        Surroundings::real(Arc::clone(&session), variables, Arc::new(upstream), inputs);
    let authorization =
        match provider::authorize(config, &sandbox, &mut surroundings, events).await? {
            FlowStart::Open(authorization) => Some(authorization),
            FlowStart::NoAuthorizer => None,
            FlowStart::Declined(failure) => return Ok(Started::Declined(failure)),
        };
    let issues_state = match &config.open {
        Some(template) => template::uses(template, Placeholder::State),
        None => authorization.is_some(),
    };
    if config.open.as_ref().is_some_and(|template| !template.protects()) {
        events.emit(if issues_state { Event::StateMisplaced } else { Event::Unprotected });
    }
    let issuer = authorization.as_ref().and_then(|authorization| authorization.issuer.clone());
    let peers = peers(config, &listener, events);
    let mut browser = JoinSet::new();
    let link = match authorization {
        Some(Authorization { url, .. }) => open(config, &listener, url, events, &mut browser)?,
        None => None,
    };
    let last_page = Once::below(config.path.as_str())?;
    let (sender, progress) = ProgressReceiver::channel();
    let service = Service {
        #[cfg(feature = "net")]
        tls: config.tls.clone(),
        rules: Rules {
            scheme: listener.scheme(),
            authorities: redirection::authorities(config, &listener),
            path: config.path.clone(),
            state: issues_state.then(|| session.state().clone()),
            issuer: config.issuer.clone().or(issuer),
            link: link.as_ref().map(|link| link.path().clone()),
            last_page: Some(last_page.path().clone()),
        },
        sandbox,
        surroundings,
        queue: Queue::new(),
        events: events.clone(),
        link,
        peers_are_checked: peers.are_checked(),
        last_page,
        progress: sender,
    };
    Ok(Started::Serving(Box::new(Serving {
        listener,
        peers,
        service: Arc::new(service),
        progress,
        browser,
    })))
}

/// Sets up the check of who connects. If the system does not support the check, turns it off and emits an event.
fn peers(config: &Config, listener: &Listener, events: &Events) -> Peers {
    if config.other_users {
        return Peers::unchecked();
    }
    match listener.addresses().and_then(|addresses| Peers::checked(&addresses)) {
        Ok(peers) => peers,
        Err(error) => {
            events.emit(Event::PeersUnchecked { reason: error.to_string() });
            Peers::unchecked()
        }
    }
}

/// Opens a browser at a one-time link that redirects to `url`.
///
/// The link hides `url`, which contains `state`: other users can read the browser's command line. The run does not wait
/// for the browser, because some commands only return when the browser is closed.
fn open(
    config: &Config,
    listener: &Listener,
    url: String,
    events: &Events,
    task: &mut JoinSet<()>,
) -> Result<Option<Once<String>>, Error> {
    let opening = config.browser != Browser::None;
    events.emit(Event::Authorize { url: url.clone(), opening });
    if !opening {
        return Ok(None);
    }
    let link = Once::below("/")?;
    let address = format!("{}{}", redirection::origin(config, listener), link.path().expose());
    link.put(url.clone());
    let (browser, events) = (config.browser.clone(), events.clone());
    task.spawn(async move {
        if let Err(reason) = browser.open(address).await {
            events.emit(Event::BrowserFailed { reason, url });
        }
    });
    Ok(Some(link))
}

impl Serving {
    async fn serve(
        self,
        config: &Config,
        mut shutdown: Shutdown,
        pasted: Option<Pasted>,
        on_done: OnDone,
    ) -> Result<Outcome, Error> {
        let Self { listener, peers, service, mut progress, browser: _browser } = self;
        let mut connections = Connections::new(listener, peers, Arc::clone(&service));
        if let Some(pasted) = pasted {
            connections.serve_pasted(pasted);
        }
        let ending = connections.accept_until(progress.ending(&mut shutdown, config.timeout)).await;
        let deadline = Instant::now() + config.grace;
        let _ = service.queue.close(Refusal::Stopped);

        let report = |outcome| {
            let outcome =
                with_session_values(outcome, config.open.as_ref(), &service.surroundings.session);
            service.events.emit(Event::Done { success: matches!(outcome, Outcome::Success(_)) });
            on_done(&outcome);
            outcome
        };
        let closed = |delivered| service.events.emit(Event::Closed { delivered });
        match ending {
            Ending::PageSent(outcome) => {
                let draining = connections.close();
                let outcome = report(outcome);
                closed(Some(draining.finish(deadline).await));
                Ok(outcome)
            }
            Ending::PageFollows(outcome) => {
                let outcome = report(outcome);
                let taken = progress.page_taken(&mut shutdown, deadline);
                let taken = connections.accept_until(taken).await;
                closed(Some(connections.close().finish(deadline).await));
                taken.map(|()| outcome)
            }
            Ending::WithoutPage(outcome) => {
                let draining = connections.close();
                let outcome = report(outcome);
                draining.finish(deadline).await;
                closed(None);
                Ok(outcome)
            }
            Ending::Failed(error) => {
                let delivered = connections.close().finish(deadline).await;
                // A reply that was in flight when the run stopped may still have completed the flow. Its
                // outcome is dropped if another program may have caused it.
                let is_safe = !matches!(error, Error::LinkUsedTwice);
                match progress.outcome() {
                    Some((outcome, last_page)) if is_safe => {
                        report(outcome);
                        closed((last_page != LastPage::None).then_some(delivered));
                    }
                    _ => closed(None),
                }
                Err(error)
            }
        }
    }
}

/// Adds the session values that the configured authorization URL uses.
///
/// The caller needs them for the token request, and cannot get them in any other way. Their names are reserved, so they
/// never replace a value of the guest.
fn with_session_values(
    outcome: Outcome,
    template: Option<&Template>,
    session: &Session,
) -> Outcome {
    let Outcome::Success(mut values) = outcome else { return outcome };
    let uses = |placeholder| template.is_some_and(|known| template::uses(known, placeholder));
    let mut set = |name: &str, value: &str| values.push((name.to_owned(), value.to_owned()));
    if uses(Placeholder::CodeChallenge) {
        set("code_verifier", session.code_verifier().expose());
        set("redirect_uri", session.redirect_uri());
    }
    if uses(Placeholder::Nonce) {
        set("nonce", session.nonce().expose());
    }
    Outcome::Success(values)
}
