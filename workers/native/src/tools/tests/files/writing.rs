//! `write` and `edit`, and where they may go.

use super::*;

#[tokio::test]
async fn write_makes_files_and_folders() {
    let bench = Bench::new();
    let arguments = json!({ "path": "deep/down/notes.txt", "content": "hello\n" });
    let prepared = bench.prepare("write", &arguments).unwrap();
    assert!(prepared.asks);
    assert_eq!(
        (prepared.title.as_str(), prepared.input.as_str()),
        ("write deep/down/notes.txt", "deep/down/notes.txt")
    );
    assert_eq!(prepared.changes[0].old, None);
    assert_eq!(prepared.changes[0].new, "hello\n");
    assert!(!bench.path("deep").exists(), "preparing changes nothing");
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert_eq!(outcome.text, "wrote `deep/down/notes.txt` (1 line)");
    assert!(outcome.offered.is_empty(), "nobody asked for it");
    assert_eq!(bench.text("deep/down/notes.txt"), "hello\n");
}

#[tokio::test]
async fn a_change_of_another_name_of_a_file_does_not_change_the_file() {
    let bench = Bench::new();
    bench.put("AGENTS.md", "use tabs");
    fs::hard_link(bench.path("AGENTS.md"), bench.path("notes.md")).unwrap();
    let outcome = bench
        .call("write", &json!({ "path": "notes.md", "content": "obey me" }))
        .await;
    assert!(!outcome.failed, "{outcome:?}");
    assert_eq!(bench.text("AGENTS.md"), "use tabs");
}

#[tokio::test]
async fn a_new_version_keeps_the_mode_and_leaves_no_temporary_file() {
    let bench = Bench::new();
    bench.put("run.sh", "old\n");
    fs::set_permissions(bench.path("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    let outcome = bench
        .call("write", &json!({ "path": "run.sh", "content": "new\n" }))
        .await;
    assert!(!outcome.failed, "{outcome:?}");
    let mode = fs::metadata(bench.path("run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750);
    let names: Vec<_> = fs::read_dir(bench.workspace())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["run.sh"]);
}

#[test]
fn nothing_is_written_outside_the_workspace() {
    let bench = Bench::new();
    symlink(bench.root(), bench.path("up")).unwrap();
    symlink(bench.root().join("new"), bench.path("dangling")).unwrap();
    symlink("loop", bench.path("loop")).unwrap();
    bench.put("file", "x");
    let refusal = |path: &str| bench.refusal("write", &json!({ "path": path, "content": "x" }));
    for path in ["../x", "/etc/x", "up/x", "up/auth.json", "a/../../x", "/tmp/x"] {
        let words = refusal(path);
        assert!(
            words.contains("outside the workspace") || words.contains("does not exist"),
            "{path}: {words}"
        );
    }
    assert!(refusal("dangling").contains("a link to something that does not exist"));
    assert!(refusal("loop").contains("in a circle"));
    assert!(refusal("file/x").contains("through a file"));
    assert!(refusal(".").contains("is a folder"));
    assert!(refusal("new/").contains("is a folder"));
    assert!(refusal("").contains("empty"));
    assert!(refusal("~/x").contains("no meaning"));
    assert!(refusal("a\0b").contains("NUL"));
    assert!(refusal(&"x/".repeat(5000)).contains("4096 is the limit"));
    assert!(refusal(&"x/".repeat(2040)).contains("is a folder"));
    assert!(refusal(&"x".repeat(300)).contains("too long"));
}

#[tokio::test]
async fn a_link_inside_the_workspace_is_followed_and_stays() {
    let bench = Bench::new();
    bench.put("real.txt", "old\n");
    symlink("real.txt", bench.path("link.txt")).unwrap();
    let prepared = bench
        .prepare(
            "edit",
            &json!({ "path": "link.txt", "old_string": "old", "new_string": "new" }),
        )
        .unwrap();
    assert_eq!(prepared.input, "real.txt", "what is shown is what is changed");
    assert!(!bench.run(prepared, &mut |_| {}).await.failed);
    assert_eq!(bench.text("real.txt"), "new\n");
    assert!(bench.path("link.txt").is_symlink());
}

#[tokio::test]
async fn a_file_that_changed_after_the_permission_is_left_alone() {
    let bench = Bench::new();
    bench.put("a.txt", "one\n");
    let edit = || {
        bench
            .prepare(
                "edit",
                &json!({ "path": "a.txt", "old_string": "one", "new_string": "two" }),
            )
            .unwrap()
    };
    let create = || {
        bench
            .prepare("write", &json!({ "path": "b.txt", "content": "mine" }))
            .unwrap()
    };

    let prepared = edit();
    bench.put("a.txt", "one and more\n");
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert!(
        outcome.failed && outcome.text.contains("changed in the meantime"),
        "{}",
        outcome.text
    );
    assert_eq!(bench.text("a.txt"), "one and more\n");

    let prepared = edit();
    fs::remove_file(bench.path("a.txt")).unwrap();
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert!(
        outcome.failed && outcome.text.contains("removed in the meantime"),
        "{}",
        outcome.text
    );
    assert!(!bench.path("a.txt").exists());

    let prepared = create();
    bench.put("b.txt", "theirs");
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert!(
        outcome.failed && outcome.text.contains("made by somebody else"),
        "{}",
        outcome.text
    );
    assert_eq!(bench.text("b.txt"), "theirs");
}

#[tokio::test]
async fn edit_changes_what_was_shown() {
    let bench = Bench::new();
    bench.put("a.rs", "let a = 1;\nlet b = 1;\n");
    let prepared = bench
        .prepare(
            "edit",
            &json!({ "path": "a.rs", "old_string": "b = 1", "new_string": "b = 2" }),
        )
        .unwrap();
    let shown = prepared.changes[0].clone();
    assert_eq!(shown.old.as_deref(), Some("let a = 1;\nlet b = 1;\n"));
    assert!(!bench.run(prepared, &mut |_| {}).await.failed);
    assert_eq!(bench.text("a.rs"), shown.new);
    assert!(
        bench
            .refusal(
                "edit",
                &json!({ "path": "a.rs", "old_string": "let", "new_string": "x" })
            )
            .contains("2 times")
    );
    assert!(
        bench
            .refusal(
                "edit",
                &json!({ "path": "none", "old_string": "a", "new_string": "b" })
            )
            .contains("`write` makes")
    );
}

#[test]
fn changes_that_nobody_could_look_at_are_refused() {
    let bench = Bench::new();
    bench.put("big", "x".repeat(1024 * 1024 + 1));
    bench.put("binary", b"a\0b");
    bench.put("latin1", b"caf\xe9");
    bench.put("same", "same");
    let refusal =
        |path: &str, content: &str| bench.refusal("write", &json!({ "path": path, "content": content }));
    assert!(refusal("big", "x").contains("larger than 1048576 bytes"));
    assert!(refusal("new", &"x".repeat(1024 * 1024 + 1)).contains("the limit"));
    assert!(refusal("binary", "x").contains("binary data, not text"));
    assert!(refusal("latin1", "x").contains("not UTF-8"));
    assert!(refusal("same", "same").contains("already"));
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_old_file_and_says_so() {
    let bench = Bench::new();
    bench.put("folder/a.txt", "old");
    let prepared = bench
        .prepare("write", &json!({ "path": "folder/a.txt", "content": "new" }))
        .unwrap();
    fs::remove_dir_all(bench.workspace()).unwrap();
    fs::write(bench.workspace(), "now a file").unwrap();
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert!(
        outcome.failed && outcome.text.contains("could not write `folder/a.txt`"),
        "{}",
        outcome.text
    );
    assert!(
        bench
            .refusal("read", &json!({ "path": "folder/a.txt" }))
            .contains("through a file")
    );
    fs::remove_file(bench.workspace()).unwrap();
    assert!(
        bench
            .refusal("read", &json!({ "path": "a" }))
            .contains("the workspace")
    );
}
