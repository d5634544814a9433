//! Names and places of files from outside.

use proptest::prelude::*;

use super::*;

#[test]
fn a_name_is_only_a_name() {
    for (given, kept) in [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/passwd", "passwd"),
        ("a/b/", "b"),
        ("a/..", "a"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("...", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("a b\tc.txt", "a_b_c.txt"),
        ("a\0b\n\u{1b}[2J.txt", "a_b___2J.txt"),
        ("photo\u{202e}gnp.exe", "photo_gnp.exe"),
        ("größe 日本.png", "größe_日本.png"),
        ("$(reboot);`x`|y&.sh", "__reboot)__x__y_.sh"),
        ("a.", "a"),
    ] {
        let harmless = harmless_name(given);
        if given.starts_with('$') {
            assert!(!harmless.contains(['$', ';', '`', '|', '&']), "{harmless}");
        } else {
            assert_eq!(harmless, kept, "{given:?}");
        }
    }
    let long = harmless_name(&format!("{}.tar", "ü".repeat(400)));
    assert!(
        long.len() <= MAX_NAME && long.strip_suffix(".tar").is_some(),
        "{long}"
    );
}

proptest! {
    #[test]
    fn no_name_leads_anywhere(given in "\\PC{0,300}") {
        let name = harmless_name(&given);
        prop_assert!(!name.is_empty() && name.len() <= MAX_NAME + 4);
        prop_assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with(['.', '-']));
    }
}

fn house() -> (tempfile::TempDir, Uploads, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let uploads = Uploads::open(folder.path(), 1000).unwrap();
    let workspace = folder.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    (folder, uploads, workspace)
}

fn bring(uploads: &Uploads, user: &UserId, name: &str) -> String {
    let upload = Upload {
        name: name.into(),
        size: 2,
        ..new_upload(user)
    };
    std::fs::write(uploads.content(&upload.id), "hi").unwrap();
    private_file::write(&uploads.note(&upload.id), &upload).unwrap();
    uploads.known.insert(upload.id.clone(), upload.clone());
    upload.id
}

#[tokio::test]
async fn a_message_that_is_sent_again_finds_its_files_even_after_a_restart() {
    let (folder, uploads, workspace) = house();
    let (alice, thread) = (UserId::parse("web:a").unwrap(), ThreadId::parse("web:t").unwrap());
    let ids = [bring(&uploads, &alice, "a.txt"), bring(&uploads, &alice, "a.txt")];
    let first = uploads
        .place(&alice, &ids, &thread, workspace.clone())
        .await
        .unwrap();
    let paths: Vec<_> = first.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["uploads/a.txt", "uploads/a-2.txt"]);
    assert_eq!(
        std::fs::read_to_string(workspace.join("uploads/a-2.txt")).unwrap(),
        "hi"
    );
    assert_eq!(
        uploads
            .place(&alice, &ids, &thread, workspace.clone())
            .await
            .unwrap(),
        first
    );

    let uploads = Uploads::open(folder.path(), 1000).unwrap();
    assert_eq!(
        uploads
            .place(&alice, &ids, &thread, workspace.clone())
            .await
            .unwrap(),
        first
    );
    assert_eq!(std::fs::read_dir(workspace.join("uploads")).unwrap().count(), 2);
}

#[tokio::test]
async fn nobody_sends_somebody_else_s_file() {
    let (_folder, uploads, workspace) = house();
    let (alice, bob) = (UserId::parse("web:a").unwrap(), UserId::parse("web:b").unwrap());
    let (hers, his) = (
        ThreadId::parse("web:t").unwrap(),
        ThreadId::parse("web:u").unwrap(),
    );
    let id = [bring(&uploads, &alice, "a.txt")];
    let refused = uploads
        .place(&bob, &id, &his, workspace.clone())
        .await
        .unwrap_err();
    let unknown = uploads
        .place(&bob, &["x".into()], &his, workspace.clone())
        .await
        .unwrap_err();
    assert_eq!(refused, unknown, "not even whether there is one");
    uploads
        .place(&alice, &id, &hers, workspace.clone())
        .await
        .unwrap();
    assert!(uploads.place(&alice, &id, &his, workspace).await.is_err());
}

#[tokio::test]
async fn what_nobody_sends_is_removed_after_a_day() {
    let (folder, uploads, _) = house();
    let alice = UserId::parse("web:a").unwrap();
    let (old, new) = (bring(&uploads, &alice, "old"), bring(&uploads, &alice, "new"));
    uploads.known.get_mut(&old).unwrap().created = Timestamp::ANCIENT;
    std::fs::write(folder.path().join(FOLDER).join("orphan.data"), "x").unwrap();
    uploads.sweep().await;
    assert!(!uploads.content(&old).exists() && !uploads.note(&old).exists());
    assert!(uploads.content(&new).exists());
    let uploads = Uploads::open(folder.path(), 1000).unwrap();
    assert!(uploads.known.contains_key(&new) && !uploads.known.contains_key(&old));
    assert!(!folder.path().join(FOLDER).join("orphan.data").exists());
}

#[tokio::test]
async fn the_oldest_unsent_file_makes_room_and_empty_files_count() {
    let (_folder, uploads, workspace) = house();
    let (alice, bob) = (UserId::parse("web:a").unwrap(), UserId::parse("web:b").unwrap());
    let his = bring(&uploads, &bob, "his");
    let sent = bring(&uploads, &alice, "sent");
    let thread = ThreadId::parse("web:t").unwrap();
    uploads
        .place(&alice, std::slice::from_ref(&sent), &thread, workspace)
        .await
        .unwrap();
    let mut ids = vec![];
    for seconds in (1000..).take(MOST_WAITING + 1) {
        let id = bring(&uploads, &alice, "empty");
        let mut upload = uploads.known.get_mut(&id).unwrap();
        upload.size = 0;
        upload.created = Timestamp::from_seconds(seconds);
        ids.push(id.clone());
    }
    let newest = ids.last().unwrap();
    uploads.make_room(&alice, newest).await;
    assert!(!uploads.known.contains_key(&ids[0]) && !uploads.content(&ids[0]).exists());
    assert!(ids[1..].iter().all(|id| uploads.known.contains_key(id)));
    uploads.known.get_mut(newest).unwrap().size = 1000 * WAITING - 1;
    uploads.known.get_mut(&ids[1]).unwrap().size = 2;
    uploads.make_room(&alice, newest).await;
    assert!(!uploads.known.contains_key(&ids[1]) && uploads.known.contains_key(&ids[2]));
    assert!(uploads.known.contains_key(&his) && uploads.known.contains_key(&sent));
}
