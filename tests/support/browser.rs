//! A headless Chromium, driven through its own driver.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::TypingData;
use thirtyfour::extensions::cdp::ChromeDevTools;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

/// How long a page may take to show what is certain to come.
const CERTAIN: Duration = Duration::from_secs(40);

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Something in a page, as a screen reader has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoken {
    /// What it is: `button`, `heading`.
    pub role: String,
    /// What it is called; may be empty.
    pub name: String,
    /// Of what can be opened and closed.
    pub expanded: Option<bool>,
    /// How its news is said: `polite`; empty if it is not.
    pub live: String,
}

/// A browser with a fresh profile. To be ended with [`quit`](Self::quit).
pub struct Browser {
    /// What drives it.
    pub driver: WebDriver,
    _profile: tempfile::TempDir,
    process: Child,
}

/// Also when a test fails in the middle, nothing is left: the driver leads a process group of its own.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended by itself.
            let _ =
                nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

impl Browser {
    /// Starts one. Panics with what to install if there is none: `tests/run` installs it.
    pub async fn start() -> Self {
        // Whoever was first in this process installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut tries = 1..=10;
        let (process, port, mut lines) = loop {
            assert!(
                tries.next().is_some(),
                "chromedriver ends without saying its port"
            );
            let mut process = Command::new("chromedriver")
                .arg("--port=0")
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .process_group(0)
                .spawn()
                .expect("chromedriver starts (Debian's packages chromium and chromium-driver; `tests/run` installs them)");
            let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
            // It takes a free port, and the same one of IPv6: where somebody has that, it ends, and another may be luckier.
            if let Some(port) = port(&mut lines).await {
                break (process, port, lines);
            }
        };
        // A full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().expect("a folder can be made");
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ] {
            capabilities.add_arg(argument).expect("a plain argument");
        }
        let data = format!("--user-data-dir={}", profile.path().display());
        capabilities.add_arg(&data).expect("a plain argument");
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .expect("the browser starts");
        Self {
            driver,
            _profile: profile,
            process,
        }
    }

    /// Opens a one-time link, and presses the button there.
    pub async fn enter(&self, link: &Url) {
        self.driver.goto(link.as_str()).await.expect("the page opens");
        let button = self.find("#enter").await;
        button.click().await.expect("it can be pressed");
        self.find("#text").await;
    }

    /// The first element that matches, as soon as it is there.
    pub async fn find(&self, selector: &str) -> WebElement {
        let found = self
            .driver
            .query(By::Css(selector))
            .wait(CERTAIN, LOOK_AGAIN)
            .first()
            .await;
        found.unwrap_or_else(|error| panic!("no `{selector}` on the page: {error}"))
    }

    /// What a script in the page gives back.
    pub async fn script(&self, script: &str) -> Value {
        let ran = self.driver.execute(script, vec![]).await;
        ran.unwrap_or_else(|error| panic!("`{script}`: {error}"))
            .json()
            .clone()
    }

    /// Waits until a script in the page gives something back that is not false, 0, empty or null, and gives that.
    pub async fn until(&self, script: &str) -> Value {
        let mut last = Value::Null;
        let wait = async {
            loop {
                last = self.script(script).await;
                let yes = match &last {
                    Value::Null | Value::Bool(false) => false,
                    Value::String(text) => !text.is_empty(),
                    Value::Number(number) => number.as_f64() != Some(0.0),
                    _ => true,
                };
                if yes {
                    return;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let came = tokio::time::timeout(CERTAIN, wait).await;
        assert!(came.is_ok(), "`{script}` gave {last} for {CERTAIN:?}");
        last
    }

    /// Presses a key, wherever the focus is.
    pub async fn keys(&self, keys: impl Into<TypingData>) {
        let focused = self
            .driver
            .active_element()
            .await
            .expect("something has the focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// All that a screen reader has of the page, in no order.
    pub async fn spoken(&self) -> Vec<Spoken> {
        let asked = Instant::now();
        loop {
            let tree = self.order("Accessibility.getFullAXTree", json!({})).await;
            let nodes = tree["nodes"].as_array().expect("there are nodes");
            let heard = nodes.iter().filter(|node| node["ignored"] != true);
            let heard: Vec<Spoken> = heard.map(spoken).collect();
            // The browser begins with it when it is asked first: there is more than the page itself.
            if heard.len() > 1 || asked.elapsed() > CERTAIN {
                return heard;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Drags these files from the desk over the page and lets them go at its middle.
    pub async fn drop_files(&self, files: &[&Path]) {
        let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({ "type": kind, "x": 700, "y": 400, "data": data });
            self.order("Input.dispatchDragEvent", event).await;
        }
    }

    /// Gives the browser one of the orders of its own protocol.
    pub async fn order(&self, order: &str, arguments: Value) -> Value {
        let tools = ChromeDevTools::new(self.driver.handle.clone());
        let done = tools.execute_cdp_with_params(order, arguments).await;
        done.unwrap_or_else(|error| panic!("{order}: {error}"))
    }

    /// Clicks on the first element that matches, as soon as it is there.
    pub async fn press(&self, selector: &str) {
        let found = self.find(selector).await;
        found.click().await.expect("it can be pressed");
    }

    /// Waits for the page with this heading: the one before may have one, too.
    pub async fn heading(&self, text: &str) {
        let heading = By::XPath(format!("//h1[contains(., '{text}')]"));
        let found = self
            .driver
            .query(heading)
            .wait(CERTAIN, LOOK_AGAIN)
            .exists()
            .await;
        assert!(found.expect("the page can be asked"), "no page says `{text}`");
    }

    /// Makes the page this wide and high, in CSS pixels, light or dark.
    pub async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.order("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.order("Emulation.setEmulatedMedia", media).await;
    }

    /// Ends the browser. Without it, it would live as long as its driver.
    pub async fn quit(self) {
        // The driver's own process ends with this value; the browser must be told.
        let _ = self.driver.clone().quit().await;
    }
}

/// A node of the accessibility tree.
fn spoken(node: &Value) -> Spoken {
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    let property = |name: &str| {
        let properties = node["properties"].as_array()?;
        let found = properties.iter().find(|property| property["name"] == name)?;
        Some(found["value"]["value"].clone())
    };
    Spoken {
        role: text(&node["role"]),
        name: text(&node["name"]),
        expanded: property("expanded").and_then(|expanded| expanded.as_bool()),
        live: property("live").map_or_else(String::new, |live| live.as_str().unwrap_or_default().to_owned()),
    }
}

/// The port that a driver says; `None` if it ends without.
async fn port(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    loop {
        let line = lines.next_line().await.expect("it can be read")?;
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return Some(port.trim_end_matches('.').to_owned());
        }
    }
}
