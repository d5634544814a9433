//! What an operator sees and does at the command line while a host runs.

use std::io::Write as _;
use std::process::Output;

use rehearsal::Counter;
use serde_json::Value;
use support::{Host, Person, Scene, agent_host, until};

/// A command of the operator's on the host's state folder.
fn ask(host: &Host, words: &[&str]) -> Output {
    agent_host(host.home()).args(words).output().expect("it runs")
}

fn status(host: &Host) -> Value {
    serde_json::from_slice(&ask(host, &["status", "--json"]).stdout).expect("it prints JSON")
}

#[tokio::test]
async fn a_typing_error_in_the_configuration_takes_nothing_from_who_looks_after_a_running_host() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let thread = person.open("slow 1m").await;
    scene.wait(Counter::ModelRequests, 1).await;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(host.home().join("config.toml"))
        .expect("it is there");
    writeln!(file, "[[[").expect("it can be written");
    let looked = ask(&host, &["status"]);
    let said = String::from_utf8_lossy(&looked.stderr);
    assert!(looked.status.success(), "{said}");
    assert!(
        said.contains("the configuration has 1 problem") && said.contains("config check"),
        "{said}"
    );
    let stopped = ask(&host, &["threads", "stop", &format!("web:{thread}")]);
    assert!(
        stopped.status.success(),
        "{}",
        String::from_utf8_lossy(&stopped.stderr)
    );
    // What needs it all is refused as before.
    let refused = ask(&host, &["auth", "list"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[tokio::test]
async fn threads_that_wait_for_a_place_are_not_counted_as_workers() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "[limits]\nworkers = 2\n");
    let person = Person::enter(host.link()).await;
    for _ in 0..5 {
        person.open("hold\nsay: never").await;
    }
    scene.wait(Counter::ModelRequests, 2).await;
    until("the others wait", || status(&host)["without_place"] == 3).await;
    let report = status(&host);
    assert_eq!(report["working"], 2, "{report}");
    assert_eq!(report["workers"].as_array().map(Vec::len), Some(2), "{report}");
    let words = ask(&host, &["status"]);
    let words = String::from_utf8_lossy(&words.stdout);
    assert!(
        words.contains("2 workers; 3 threads wait for a worker's place"),
        "{words}"
    );
}

#[tokio::test]
async fn beside_a_host_a_running_demo_is_named() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let demo = Host::demo(host.home(), 0, &[]);
    let looked = ask(&host, &["status"]);
    let said = String::from_utf8_lossy(&looked.stderr);
    let folder = host.home().join("demo");
    assert!(
        said.contains(&format!("AGENT_HOST_HOME={}", folder.display())),
        "{said}"
    );
    let of_demo = agent_host(&folder).args(["status", "--json"]).output();
    let of_demo: Value = serde_json::from_slice(&of_demo.expect("it runs").stdout).expect("it prints JSON");
    assert_eq!(of_demo["host"]["pid"], demo.pid().as_raw(), "{of_demo}");
}

#[tokio::test]
async fn secrets_of_the_service_alone_are_no_fault_of_a_host_that_runs() {
    let scene = Scene::signed_in().await;
    let config = "[web]\npassword_env = \"ONLY_THE_SERVICE_HAS_IT\"\n";
    let secret = [("ONLY_THE_SERVICE_HAS_IT", "correct horse battery staple")];
    let host = Host::configured(scene.folder(), config, &secret);
    let config_of = |looked: Output| -> Value {
        let report: Value = serde_json::from_slice(&looked.stdout).expect("it prints JSON");
        let checks = report["checks"].as_array().expect("a list").iter();
        let about = checks.filter(|check| check["name"] == "config");
        about.cloned().collect()
    };
    let running = config_of(ask(&host, &["doctor", "--json"]));
    assert_eq!(running[0]["status"], "warn", "{running}");
    assert!(
        running.to_string().contains("ONLY_THE_SERVICE_HAS_IT"),
        "{running}"
    );
    let folder = host.home().to_owned();
    assert_eq!(host.stop(), Some(0));
    let alone = agent_host(&folder).args(["doctor", "--json"]).output();
    let alone = config_of(alone.expect("it runs"));
    assert_eq!(alone[0]["status"], "fail", "{alone}");
}
