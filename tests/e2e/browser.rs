//! A person signs in: a real browser, the consent page, and the program that waits for it.

use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use support::{Browser, Scene, agent_host};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// `agent-host auth login rehearsal`, waiting at its loopback listener.
struct Login {
    child: Child,
    told: Lines<BufReader<ChildStderr>>,
    link: String,
}

impl Login {
    async fn start(scene: &Scene) -> Self {
        let mut command = agent_host(scene.folder());
        command.args(["auth", "login", "rehearsal"]);
        command.env("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
        let mut command = Command::from(command);
        // An open pipe: the way out by pasting stays open, too.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut told = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let link = loop {
            let line = told
                .next_line()
                .await
                .expect("it can be read")
                .expect("it tells the link");
            if line.starts_with("http") {
                break line;
            }
        };
        Self { child, told, link }
    }

    /// How it ended, and what it told after the link.
    async fn end(mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        while let Some(line) = self.told.next_line().await.expect("it can be read") {
            text.push_str(&line);
            text.push('\n');
        }
        (self.child.wait().await.expect("the program ends"), text)
    }
}

async fn in_a_browser<T>(body: impl AsyncFnOnce(&Browser) -> T) -> T {
    let browser = Browser::start().await;
    let result = body(&browser).await;
    browser.quit().await;
    result
}

/// Where screenshots go that a person may look at: nowhere, unless `AGENT_HOST_SCREENSHOTS` names a folder.
async fn screenshot(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("AGENT_HOST_SCREENSHOTS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        browser
            .driver
            .screenshot(&path)
            .await
            .expect("a screenshot can be taken");
    }
}

#[tokio::test]
async fn a_person_approves_on_the_page_and_the_program_is_signed_in() {
    let scene = Scene::start().await;
    let login = Login::start(&scene).await;
    in_a_browser(async |browser| {
        browser.driver.goto(&login.link).await.expect("the page opens");
        for (width, height, scheme) in [
            (1280, 800, "light"),
            (1280, 800, "dark"),
            (390, 844, "light"),
            (390, 844, "dark"),
        ] {
            browser.look(width, height, scheme).await;
            screenshot(browser, &format!("consent-{width}-{scheme}")).await;
        }
        let name = browser.find("#user").await;
        name.clear().await.expect("it can be emptied");
        name.send_keys("alice").await.expect("it can be typed into");
        browser.press("button[value=approve]").await;
        browser.heading("Signed in to rehearsal").await;
        screenshot(browser, "signed-in").await;
    })
    .await;
    let (status, told) = login.end().await;
    assert!(status.success(), "{told}");
    assert!(told.contains("alice@rehearsal.invalid"), "{told}");
    assert_eq!(
        scene.file()["tenants"]["rehearsal"]["host"]["account"]["id"],
        Value::from("alice")
    );
}

#[tokio::test]
async fn a_person_who_denies_is_told_so_on_both_sides() {
    let scene = Scene::start().await;
    let login = Login::start(&scene).await;
    in_a_browser(async |browser| {
        browser.driver.goto(&login.link).await.expect("the page opens");
        browser.press("button[value=deny]").await;
        browser.heading("Not signed in").await;
        screenshot(browser, "denied").await;
    })
    .await;
    let (status, told) = login.end().await;
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(
        told.contains("access_denied") || told.contains("denied"),
        "{told}"
    );
}

#[tokio::test]
async fn the_page_that_shows_a_code_is_made_for_pasting() {
    let scene = Scene::start().await;
    let run = |arguments: &[&str]| {
        let mut command = agent_host(scene.folder());
        command
            .args(arguments)
            .env("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    };
    let begun = run(&["auth", "begin", "rehearsal", "--user", "bob"])
        .wait_with_output()
        .expect("it ends");
    let link = String::from_utf8(begun.stdout).expect("a link");
    let pasted = in_a_browser(async |browser| {
        browser.driver.goto(link.trim()).await.expect("the page opens");
        browser.press("button[value=approve]").await;
        let field = browser.find("[readonly]").await;
        screenshot(browser, "code").await;
        field
            .value()
            .await
            .expect("it can be read")
            .expect("it holds the code")
    })
    .await;
    let mut child = run(&["auth", "complete", "rehearsal", "--user", "bob"]);
    {
        use std::io::Write as _;
        let mut pipe = child.stdin.take().expect("it is piped");
        writeln!(pipe, "{pasted}").expect("it listens");
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
