//! `demo --storm`: many processes, one login, one refresh. No account, no network, and nothing is kept.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use credentials::{
    Begun, Completed, Credentials, Refresher, Service, Store, Tenant, Timestamp, UserId, Vendors, words,
};
use rehearsal::{Config, Counter, Decision, Server, SettingsChange};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::Paint;
use crate::{assembly, output, tenant_view};

/// The first access token lives so long: over before anybody is bored.
const FIRST_LIFE: Duration = Duration::from_secs(1);

/// Later ones live longer than any demo.
const LATER_LIFE_S: u64 = 300;

/// What a process that asks for a token may need at most.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whoever signs in.
const VISITOR: &str = "visitor";

/// Tells the story, and whether it was true.
pub(crate) fn run(processes: u16) -> Outcome {
    let folder = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|error| Failure::during(error, "could not make a folder to play in"))?;
    assembly::run(story(folder.path(), processes))
}

async fn story(folder: &Path, processes: u16) -> Outcome {
    let server = Server::start(Config {
        access_ttl: FIRST_LIFE,
        ..Config::default()
    })
    .await
    .map_err(|error| Failure::during(error, "could not start the rehearsal server"))?;
    output::data(&format!(
        "a strict authorization server runs on {} (this machine only)",
        server.url()
    ))?;
    let store = Store::open(&folder.join("auth.json"), true)?;
    let refresher = Refresher::this_program()
        .map_err(|error| Failure::during(error, "could not find this program's own file"))?;
    let credentials = Credentials::new(store, Vendors::builtin(Some(server.url())), refresher);

    let completed = sign_in(&credentials, &server).await?;
    let ends = completed.expires_at.unwrap_or(Timestamp::ANCIENT);
    output::data(&format!(
        "signed in to {}; the access token lives {}, and then a refresh token gets the next, once",
        completed.tenant,
        words::span(FIRST_LIFE)
    ))?;
    server.control().set(SettingsChange {
        access_ttl_s: Some(LATER_LIFE_S),
        ..SettingsChange::default()
    });
    tokio::time::sleep(ends.since(Timestamp::now())).await;

    let began = Instant::now();
    let tokens = ask_at_once(folder, &server, processes).await?;
    let took = began.elapsed();
    let counts = server.control().counts();
    let (sent, reused) = (
        counts.get(Counter::RefreshRequests),
        counts.get(Counter::ReuseDetected),
    );
    output::data(&format!(
        "it was over; {processes} processes asked for a token at the same moment, and were done in {} ms",
        took.as_millis()
    ))?;
    output::data(&format!(
        "different tokens they got: {}; refreshes the server saw: {sent}; spent tokens that came back: {reused}",
        tokens.len()
    ))?;
    for line in tenant_view::table(&credentials.store().tenants()?, Paint::for_stdout(true)) {
        output::data(&format!("  {line}"))?;
    }
    server.shutdown().await;
    if tokens.len() == 1 && sent == 1 && reused == 0 {
        output::data("so: one login, many processes, one refresh")?;
        return Ok(Exit::Done);
    }
    Err(Failure::words("the processes did not share one refresh")
        .hint("`agent-host doctor` tells whether locks hold on this machine"))
}

async fn sign_in(credentials: &Credentials, server: &Server) -> Result<Completed, Failure> {
    let tenant = Tenant::host(Service::parse("rehearsal")?);
    let user = UserId::parse(VISITOR)?;
    let failed = |error| Failure::sign_in(error, "agent-host demo --storm", credentials.vendors());
    let (Begun::Link { url, .. }, _) = credentials
        .begin(&tenant, &user, None, None)
        .await
        .map_err(failed)?
    else {
        return Err(Failure::words("the rehearsal vendor offered no link"));
    };
    let back = server
        .control()
        .authorize(url.as_str(), VISITOR, Decision::Approve)
        .map_err(|error| Failure::during(error, "the rehearsal server refused the sign-in"))?;
    let pasted = String::from(back).into();
    credentials
        .complete(&tenant.service, &user, Some(pasted))
        .await
        .map_err(failed)
}

/// Starts them all, and returns the different tokens that they print.
async fn ask_at_once(folder: &Path, server: &Server, processes: u16) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::during(error, "could not find this program's own file"))?;
    let mut asking = JoinSet::new();
    for _ in 0..processes {
        let child = Command::new(&program)
            .args(["auth", "token", "rehearsal"])
            .env_clear()
            .env("AGENT_HOST_HOME", folder)
            .env("AGENT_HOST_REHEARSAL_URL", server.url().as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::during(error, "could not start a process"))?;
        asking.spawn(tokio::time::timeout(PATIENCE, child.wait_with_output()));
    }
    let mut tokens = BTreeSet::new();
    while let Some(ended) = asking.join_next().await {
        let output = ended
            .map_err(|error| Failure::during(error, "lost a process"))?
            .map_err(|_| Failure::words("a process did not get its token in time"))?
            .map_err(|error| Failure::during(error, "could not wait for a process"))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::words(format!("a process got no token: {}", told.trim())));
        }
        tokens.insert(output.stdout);
    }
    Ok(tokens)
}
