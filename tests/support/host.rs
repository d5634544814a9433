//! A running host with its chat page, and people who use it over HTTP.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use url::Url;

use crate::{Scene, agent_host};

/// Far longer than any start takes, also on a busy machine.
const CERTAIN: Duration = Duration::from_mins(1);

/// A host that runs. Dropped, it is killed.
pub struct Host {
    child: Child,
    link: Url,
    log: mpsc::Receiver<String>,
    home: PathBuf,
}

impl Host {
    /// `agent-host demo` in this home folder, on this port (0: any).
    pub fn demo(home: &Path, port: u16, more: &[&str]) -> Self {
        let mut command = agent_host(home);
        command
            .args(["demo", "--listen", &format!("127.0.0.1:{port}")])
            .args(more);
        Self::start(command, home)
    }

    /// `agent-host up` in a scene's folder, on this port (0: any), with the scene's model, which the scene's host tenant
    /// pays for. `more` is added to the configuration of the agent, and may go on with further tables.
    pub fn up(scene: &Scene, port: u16, more: &str) -> Self {
        let home = scene.folder();
        let config = format!(
            "[agents.native]\ntenant = \"rehearsal\"\nbase_url = \"{}v1\"\nmodel = \"rehearsal\"\n{more}",
            scene.url()
        );
        std::fs::write(home.join("config.toml"), config).expect("a configuration can be written");
        let mut command = agent_host(home);
        command
            .args(["up", "--listen", &format!("127.0.0.1:{port}")])
            .env("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
        Self::start(command, home)
    }

    /// `agent-host up` in this home folder with this configuration and these variables.
    pub fn configured(home: &Path, config: &str, environment: &[(&str, &str)]) -> Self {
        Self::configured_on(home, 0, config, environment)
    }

    /// The same on this port (0: any).
    pub fn configured_on(home: &Path, port: u16, config: &str, environment: &[(&str, &str)]) -> Self {
        std::fs::write(home.join("config.toml"), config).expect("a configuration can be written");
        let mut command = agent_host(home);
        command
            .args(["up", "--listen", &format!("127.0.0.1:{port}")])
            .envs(environment.iter().copied());
        Self::start(command, home)
    }

    /// The same with the scene's model and a Discord: `agent` is added to the agent's table, `discord` to `[discord]`, and
    /// `environment` has the variable with the bot's token.
    pub fn with_discord(scene: &Scene, agent: &str, discord: &str, environment: &[(&str, &str)]) -> Self {
        let config = format!(
            "[agents.native]\ntenant = \"rehearsal\"\nbase_url = \"{}v1\"\nmodel = \"rehearsal\"\n{agent}\n\
             [discord]\n{discord}\n",
            scene.url()
        );
        let vendor = [("AGENT_HOST_REHEARSAL_URL", scene.url().as_str())];
        Self::configured(scene.folder(), &config, &[&vendor, environment].concat())
    }

    /// Whatever command starts a host whose page tells its link.
    pub fn run(command: Command, home: &Path) -> Self {
        Self::start(command, home)
    }

    fn start(mut command: Command, home: &Path) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let (tell, log) = mpsc::channel();
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
        // Drained for as long as it runs: a full pipe would stop it.
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while errors.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                // The test may have ended.
                let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
                line.clear();
            }
        });
        let (opened, link) = mpsc::channel();
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || {
            let mut first = String::new();
            if output.read_line(&mut first).is_ok() {
                let _ = opened.send(first);
            }
            let _ = output.read_to_end(&mut Vec::new());
        });
        let first = link.recv_timeout(CERTAIN).unwrap_or_default();
        let Some(link) = first
            .trim()
            .strip_prefix("open ")
            .and_then(|link| Url::parse(link).ok())
        else {
            let _ = child.kill();
            let told: Vec<String> = log.iter().collect();
            panic!("the host did not start: `{first}`, and told {told:?}");
        };
        Self {
            child,
            link,
            log,
            home: home.to_owned(),
        }
    }

    /// The link that signs one browser in, once.
    pub fn link(&self) -> &Url {
        &self.link
    }

    /// The page's address.
    pub fn url(&self, path: &str) -> Url {
        self.link.join(path).expect("a path makes an address")
    }

    /// The port of the page.
    pub fn port(&self) -> u16 {
        self.link.port().expect("the page has a port")
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid fits"))
    }

    /// The folder it was started in.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// What it told on standard error so far.
    pub fn told(&self) -> String {
        self.log.try_iter().collect()
    }

    /// SIGKILL, and its end.
    pub fn kill(mut self) {
        self.end_by(Signal::SIGKILL);
    }

    /// SIGTERM, and its end: the exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.end_by(Signal::SIGTERM)
    }

    /// The same, and all that it told in its log since it was last asked.
    pub fn stop_and_tell(mut self) -> (Option<i32>, String) {
        let end = self.end_by(Signal::SIGTERM);
        (end, self.log.iter().collect())
    }

    /// Waits for an end that is under way: the exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().ok().and_then(|status| status.code())
    }

    fn end_by(&mut self, signal: Signal) -> Option<i32> {
        // It may have ended by itself.
        let _ = kill(self.pid(), signal);
        self.child.wait().ok().and_then(|status| status.code())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end_by(Signal::SIGKILL);
        }
    }
}
