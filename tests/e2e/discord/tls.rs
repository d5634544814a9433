//! Discord over TLS, through the real program: REST and our own connection to the gateway trust the same, and no more.

use std::fs;

use support::discord::{Fake, TlsDoor};
use support::{Host, agent_host};

use super::trouble::said_in_log;
use super::{Stage, with};

/// A stage whose Discord can be reached over TLS, too; the CA's certificate is in `ca.pem` beside the configuration.
async fn stage() -> (Stage, TlsDoor) {
    let mut fake = Fake::start().await;
    let door = fake.serve_tls().await;
    let stage = Stage::of(fake, "", "").await;
    fs::write(stage.scene.folder().join("ca.pem"), door.ca_pem()).expect("it can be written");
    (stage, door)
}

/// A host with these lines of `[discord]`, and no others.
fn host(stage: &Stage, settings: &str) -> Host {
    let (name, token) = &stage.token;
    Host::with_discord(&stage.scene, "", settings, &[(name, token)])
}

/// What `doctor` prints with the configuration that the last host had.
fn doctor(stage: &Stage) -> String {
    let mut command = agent_host(stage.scene.folder());
    let (name, token) = &stage.token;
    let output = command
        .arg("doctor")
        .env(name, token)
        .output()
        .expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn connections(stage: &Stage) -> u64 {
    stage.fake.look(|world| world.gateway().connections)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_authority_of_ones_own_requests_gateway_and_doctor_go_over_tls() {
    let (stage, door) = stage().await;
    let settings = format!(
        "api_base = \"https://localhost:{}\"\ngateway_url = \"wss://localhost:{}\"\nca_file = \"ca.pem\"\n",
        door.address.port(),
        door.gateway.port()
    );
    let running = host(&stage, &settings);
    stage
        .fake
        .until("an identify", |world| {
            (world.gateway().identified > 0).then_some(())
        })
        .await;
    let (_, thread) = stage.mention(&stage.alice, "say: over TLS").await;
    stage.said(thread, "the answer", with("over TLS")).await;
    let told = doctor(&stage);
    assert!(told.contains("holds the token of the bot"), "{told}");
    assert_eq!(running.stop(), Some(0));
    // The same without the authority is told by both, with what to do.
    let unknown = "signed by an authority that is not known here; `ca_file` in `[discord]`";
    let without = settings.replace("ca_file = \"ca.pem\"\n", "");
    let running = host(&stage, &without);
    said_in_log(&running, unknown).await;
    let told = doctor(&stage);
    assert!(told.contains(unknown), "{told}");
    assert_eq!(running.stop(), Some(0), "the web chat goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_certificate_is_not_good_is_told_and_no_token_goes_there() {
    let (stage, door) = stage().await;
    let before = connections(&stage);
    for (place, ca_file, words) in [
        ("localhost", "", "signed by an authority that is not known here"),
        ("127.0.0.1", "ca_file = \"ca.pem\"", "for another name than this"),
    ] {
        let settings = format!(
            "api_base = \"{}\"\ngateway_url = \"wss://{place}:{}\"\n{ca_file}\n",
            stage.fake.api_base(),
            door.gateway.port()
        );
        let running = host(&stage, &settings);
        let told = said_in_log(&running, words).await;
        assert!(
            told.contains(&format!("could not reach {place}: no safe connection")),
            "{told}"
        );
        assert_eq!(running.stop(), Some(0), "the web chat goes on");
    }
    assert_eq!(
        connections(&stage),
        before,
        "a WebSocket began although nobody knows with whom"
    );
}
