//! A running host: its parts started in order, and ended in the opposite one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chat::web;
use conversation::{Conversation, ThreadId};
use credentials::{Credentials, Timestamp, UserId};
use serde_json::{Value, json};
use supervisor::Supervisor;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::Up;
use crate::config::Settings;
use crate::control::{Answer, Control, Request};
use crate::failure::{Exit, Failure, Outcome};
use crate::running::HostLock;
use crate::{assembly, log, output, status};

/// How long running turns may go on after the first signal. With what a refresh in flight may need on top this stays
/// below the 35 s that service managers are told to wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// The program beside this one that serves threads.
const WORKER: &str = "agent-host-worker";

/// `up`.
pub(crate) fn run(asked: &Up, mut settings: Settings) -> Outcome {
    if let Some(listen) = asked.listen {
        settings.web.listen = listen;
    }
    let lock = HostLock::take(&settings.state_folder)?;
    log::start(&settings.log_filter);
    assembly::run_on_all_cores(async move {
        let signals = Signals::listen()?;
        let credentials = assembly::credentials(&settings)?;
        let running = Running::start(&settings, credentials, lock).await?;
        output::data(&format!("open {}", running.web.url()))?;
        output::say(
            "the link signs one browser in, once; `agent-host status` prints another; stop with Ctrl-C",
        );
        running.until_stopped(signals).await
    })
}

/// The signals that end a host, listened to before anybody is told that it runs.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on a signal is not lost.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error| Failure::during(error, "could not listen for signals");
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Everything that runs. Ends with `until_stopped`.
#[derive(Debug)]
pub(crate) struct Running {
    supervisor: Supervisor,
    /// The page.
    pub(crate) web: web::Server,
    control: Control,
    lock: HostLock,
}

impl Running {
    /// Starts all parts.
    pub(crate) async fn start(
        settings: &Settings,
        credentials: Credentials,
        lock: HostLock,
    ) -> Result<Self, Failure> {
        let state = &settings.state_folder;
        let (conversation, found) = Conversation::open(state)?;
        let config = supervisor::Config {
            state_folder: state.clone(),
            workspaces: settings.workspaces.clone(),
            worker_program: worker_program()?,
            agents: settings.agents.clone(),
            default_agent: settings.default_agent.clone(),
            dispatch: settings.dispatch,
            limits: settings.limits.clone(),
        };
        let supervisor = Supervisor::start(config, conversation, found, credentials.clone()).await?;
        let web = match web::Server::start(settings.web_config(), supervisor.clone(), credentials).await {
            Ok(web) => web,
            Err(error) => {
                supervisor.drain(Duration::ZERO).await;
                return Err(Failure::web(error));
            }
        };
        let control = Control::open(state, answerer(supervisor.clone(), web.links())).map_err(|error| {
            Failure::during(
                error,
                format!("could not open the control socket in `{}`", state.display()),
            )
        })?;
        Ok(Self {
            supervisor,
            web,
            control,
            lock,
        })
    }

    /// Serves until a signal comes, and ends everything: no new messages, then the turns, then the rest.
    pub(crate) async fn until_stopped(self, mut signals: Signals) -> Outcome {
        signals.next().await;
        output::say("stopping: running turns may end first; another Ctrl-C does not wait for them");
        // The page stays until the turns have ended: their last words are read there.
        tokio::select! {
            () = self.supervisor.drain(PATIENCE) => {}
            () = async {
                signals.next().await;
                self.supervisor.drain(Duration::ZERO).await;
            } => {}
        }
        self.web.shutdown().await;
        drop(self.control);
        drop(self.lock);
        output::say("stopped");
        Ok(Exit::Done)
    }
}

impl Settings {
    fn web_config(&self) -> web::Config {
        let allow = match (&self.web.password, &self.web.user_header) {
            (Some(password), _) => web::Access::Password(password.clone()),
            (None, Some(header)) => web::Access::TrustedHeader {
                name: header.clone(),
                from: self.web.trusted_proxies.clone(),
            },
            (None, None) => web::Access::Loopback,
        };
        web::Config {
            allow,
            public_url: self.web.public_url.clone(),
            notice: self.web.notice.clone(),
            dispatch: self.dispatch,
            ..web::Config::new(
                self.web.listen,
                self.state_folder.clone(),
                self.default_agent.clone(),
            )
        }
    }
}

impl Failure {
    fn web(error: web::StartError) -> Self {
        let hint = error.hint();
        Self::of(error.into()).hint(hint)
    }
}

/// The worker program lies beside this one.
pub(crate) fn worker_program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::during(error, "could not find this program's own file"))?;
    let program = own.with_file_name(WORKER);
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::words(format!("`{}` is missing", program.display()))
        .hint("both programs belong together: install or build them into one folder"))
}

/// Answers the commands of other processes.
fn answerer(supervisor: Supervisor, links: web::Links) -> crate::control::Answerer {
    let since = Timestamp::now();
    Arc::new(move |request| {
        let (supervisor, links) = (supervisor.clone(), links.clone());
        Box::pin(async move {
            match answer(&supervisor, &links, since, request).await {
                Ok(value) => Answer::Done { value },
                Err(failure) => Answer::Failed {
                    words: failure.to_string(),
                },
            }
        })
    })
}

async fn answer(
    supervisor: &Supervisor,
    links: &web::Links,
    since: Timestamp,
    request: Request,
) -> Result<Value, Failure> {
    let operator = UserId::parse("operator")?;
    match request {
        Request::Status => {
            let mut report = status::of_supervisor(supervisor).await?;
            report.host = Some(status::Host {
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                since,
                page: links.base().to_string(),
            });
            Ok(serde_json::to_value(report)?)
        }
        Request::Link => Ok(json!(links.new_link().to_string())),
        Request::Stop { thread } => Ok(json!(
            supervisor.stop(&ThreadId::parse(&thread)?, &operator).await?
        )),
        Request::Reset { thread } => {
            supervisor.reset(&ThreadId::parse(&thread)?, &operator).await?;
            Ok(Value::Null)
        }
        Request::Skip { thread, max } => {
            let thread = thread.as_deref().map(ThreadId::parse).transpose()?;
            let skipped = supervisor.skip(thread.as_ref(), max).await?;
            Ok(json!({ "turns": skipped.turns.len(), "left": skipped.left }))
        }
    }
}
