//! What reading a token promises.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

const TOKEN: &str = "MTE1planted.Gabcde.planted-token-0123456789";

async fn shell(script: &str, patience: Duration) -> Result<SecretString, String> {
    let words = ["sh", "-c", script].map(str::to_owned);
    of_command(&words, patience).await
}

async fn refused(script: &str) -> String {
    let words = shell(script, PATIENCE).await.unwrap_err();
    assert!(!words.contains("planted"), "{words}");
    words
}

#[tokio::test]
async fn the_first_line_that_a_program_prints_is_the_token_without_its_end() {
    for script in [
        format!("echo {TOKEN}"),
        format!("printf '  {TOKEN}\\r\\nurl: elsewhere\\n'"),
        format!("printf {TOKEN}"),
    ] {
        let found = shell(&script, PATIENCE).await;
        assert_eq!(found.unwrap().expose_secret(), TOKEN, "{script}");
    }
}

#[tokio::test]
async fn a_program_that_gives_no_token_is_told_and_its_words_are_not() {
    assert_eq!(
        refused("true").await,
        "`sh` printed nothing, or an empty first line"
    );
    let failed = refused("echo planted >&2; exit 3").await;
    assert!(failed.starts_with("`sh` ended with exit status: 3"), "{failed}");
    let failed = refused(&format!("echo {TOKEN}; exit 3")).await;
    assert!(failed.starts_with("`sh` ended with exit status: 3"), "{failed}");
    assert_eq!(
        refused("echo planted").await,
        "the first line that `sh` prints is not a token"
    );
    assert_eq!(refused("yes planted").await, "`sh` prints far more than a token");
    let nowhere = of_command(&["/nowhere/pass".to_owned()], PATIENCE)
        .await
        .unwrap_err();
    assert!(
        nowhere.starts_with("could not start `/nowhere/pass`"),
        "{nowhere}"
    );
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Each holds the pipe open for as long as it lives.
    let script = format!("exec 9<>'{}'; sleep 1000 & sleep 1000", pipe.display());
    let words = shell(&script, Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(words, "`sh` did not print the token and end within 1 s");
    // Nobody reads it any more.
    let gone = tokio::task::spawn_blocking(move || {
        use std::os::unix::fs::OpenOptionsExt as _;
        let open = || {
            let mut options = fs::OpenOptions::new();
            options
                .write(true)
                .custom_flags(nix::libc::O_NONBLOCK)
                .open(&pipe)
        };
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while open().is_ok() {
            assert!(std::time::Instant::now() < until, "something still lives");
            std::thread::yield_now();
        }
    });
    gone.await.unwrap();
}

#[test]
fn a_file_that_others_may_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let token = Token::Given {
        secret: TOKEN.into(),
        from: "x".into(),
        file: Some(file.clone()),
    };
    for (mode, who) in [
        (0o600, None),
        (0o400, None),
        (0o640, Some("everybody in its group may read `")),
        (0o644, Some("every user of this machine may read `")),
    ] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let told = exposure(&token);
        assert_eq!(
            told.as_deref()
                .map(|told| told.split_inclusive('`').next().unwrap()),
            who
        );
        assert!(!told.unwrap_or_default().contains("planted"));
    }
    let elsewhere = Token::Given {
        secret: TOKEN.into(),
        from: "x".into(),
        file: None,
    };
    assert_eq!(exposure(&elsewhere), None);
}
