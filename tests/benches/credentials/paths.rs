//! The path that is gone for every request (a valid token), and the one that ends every refresh (a durable update).

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use credentials::{Credentials, Need, Refresher, Service, Store, Tenant, UserId, Vendors};
use serde_json::{Map, Value, json};

use crate::roles::{now, write_private};
use crate::table::{Limit, Table, median};

const BATCHES: usize = 41;

/// Long enough that a file's identity is relied on.
const SETTLE: Duration = Duration::from_millis(120);

pub(crate) fn measure(table: &mut Table) {
    for tenants in [1, 10_000] {
        valid_token(table, tenants);
    }
    durable_update(table);
}

/// A store of valid tokens, of about 500 bytes each.
fn store(tenants: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("auth.json");
    let at = i64::try_from(now() / 1_000_000).expect("milliseconds fit");
    let entry = json!({
        "type": "oauth", "generation": 1, "access_token": "a".repeat(150), "refresh_token": "r".repeat(150),
        "scopes": ["openid", "offline_access"], "obtained_at_ms": at, "expires_at_ms": at + 3_600_000,
        "obtained_by": "sign_in", "client_id": "c",
    });
    let owners: Map<String, Value> = (0..tenants)
        .map(|number| {
            (
                if number == 0 {
                    "host".into()
                } else {
                    format!("discord:{number}")
                },
                entry.clone(),
            )
        })
        .collect();
    let file = json!({ "version": 1, "generation": 1, "tenants": { "codex": owners } });
    write_private(&path, &file.to_string());
    (folder, path)
}

fn credentials(path: &Path) -> Credentials {
    let store = Store::open(path, false).expect("the store opens");
    Credentials::new(store, Vendors::builtin(None), Refresher::InProcess)
}

fn valid_token(table: &mut Table, tenants: usize) {
    let (_folder, path) = store(tenants);
    std::thread::park_timeout(SETTLE);
    let credentials = credentials(&path);
    let (tenant, need) = (
        Tenant::host(Service::parse("codex").expect("a valid name")),
        Need::default(),
    );
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        ours.push(nanoseconds(2000, || {
            black_box(credentials.token_blocking(&tenant, &need).expect("valid"));
        }));
        floor.push(nanoseconds(2000, || {
            black_box(fs::metadata(&path).expect("it is there"));
        }));
    }
    let (ours, floor) = (median(ours), median(floor));
    let what = format!(
        "valid token, {tenants} tenant{}, against one stat(2)",
        if tenants == 1 { "" } else { "s" }
    );
    table.add(
        &what,
        format!("{ours:.0} ns against {floor:.0} ns"),
        ours / floor,
        "×",
        Limit::AtMost(2.0),
    );
}

/// A change of a 5 KB file through the public interface, against the two fsyncs and the rename that it can't do without.
fn durable_update(table: &mut Table) {
    let (folder, path) = store(10);
    let credentials = credentials(&path);
    let bytes = fs::read(&path).expect("it was written");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let (tenant, user) = (
        Tenant::host(Service::parse("openai").expect("a valid name")),
        UserId::parse("bench").expect("a valid name"),
    );
    let raw = folder.path().join("raw");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        ours.push(nanoseconds(10, || {
            let begun = runtime.block_on(credentials.begin(&tenant, &user, Some("api-key"), None));
            black_box(begun.expect("it is noted"));
        }));
        floor.push(nanoseconds(10, || {
            two_syncs_and_a_rename(folder.path(), &raw, &bytes);
        }));
    }
    let (ours, floor) = (median(ours) / 1e3, median(floor) / 1e3);
    table.add(
        "durable update of a 5 KB file, against two fsyncs and a rename",
        format!("{ours:.0} µs against {floor:.0} µs"),
        ours / floor,
        "×",
        Limit::AtMost(1.3),
    );
}

fn two_syncs_and_a_rename(folder: &Path, path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary).expect("it can be made");
    file.write_all(bytes).expect("it can be written");
    file.sync_all().expect("it can be synced");
    fs::rename(&temporary, path).expect("it can be renamed");
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .expect("the folder can be synced");
}

/// Nanoseconds for one of `times` calls.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn nanoseconds(times: u32, mut call: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        call();
    }
    began.elapsed().as_nanos() as f64 / f64::from(times)
}
