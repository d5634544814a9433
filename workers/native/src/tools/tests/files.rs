//! `read`, `write`, `edit`, `list`, and where they may go.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::sys::stat::Mode;
use serde_json::json;

use super::Bench;

#[tokio::test]
async fn read_numbers_lines_and_reads_parts() {
    let bench = Bench::new();
    bench.put("a.txt", "one\ntwo\r\nthree");
    let whole = bench.call("read", &json!({ "path": "a.txt" })).await;
    assert_eq!(
        (whole.text.as_str(), whole.failed),
        ("     1\tone\n     2\ttwo\n     3\tthree\n", false)
    );
    let part = bench
        .call("read", &json!({ "path": "./a.txt", "offset": 2, "limit": 1 }))
        .await;
    assert_eq!(
        part.text,
        "     2\ttwo\n[more lines follow: continue with offset 3]"
    );
    let beyond = bench.call("read", &json!({ "path": "a.txt", "offset": 9 })).await;
    assert_eq!(beyond.text, "[the file has only 3 lines]");
    bench.put("empty", "");
    assert_eq!(
        bench.call("read", &json!({ "path": "empty" })).await.text,
        "[the file is empty]"
    );
}

#[tokio::test]
async fn read_bounds_long_lines_and_long_files() {
    let bench = Bench::new();
    bench.put("long", format!("{}\nend\n", "x".repeat(1_000_000)));
    let long = bench.call("read", &json!({ "path": "long" })).await;
    assert!(long.text.len() < 3000);
    assert!(
        long.text
            .contains("… [998000 more bytes in this line]\n     2\tend\n"),
        "{}",
        &long.text[2000..]
    );

    bench.put("many", "a line of some length\n".repeat(1_000_000));
    let many = bench
        .call("read", &json!({ "path": "many", "limit": 1_000_000 }))
        .await;
    assert!(many.text.len() < 70_000);
    let next = many.text.rsplit("offset ").next().unwrap().trim_end_matches(']');
    let rest = bench
        .call(
            "read",
            &json!({ "path": "many", "offset": next.parse::<u64>().unwrap(), "limit": 1 }),
        )
        .await;
    assert!(rest.text.trim_start().starts_with(next), "{}", rest.text);
}

#[tokio::test]
async fn read_refuses_what_is_not_text_with_words() {
    let bench = Bench::new();
    bench.put("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let image = bench.call("read", &json!({ "path": "a.png" })).await;
    assert!(
        image.failed && image.text.contains("a PNG image (16 bytes)"),
        "{}",
        image.text
    );
    bench.put("data", b"ab\0cd");
    assert!(
        bench
            .call("read", &json!({ "path": "data" }))
            .await
            .text
            .contains("binary data")
    );
    bench.put("latin1", b"caf\xe9\n");
    assert_eq!(
        bench.call("read", &json!({ "path": "latin1" })).await.text,
        "     1\tcaf\u{fffd}\n"
    );
}

#[tokio::test]
async fn read_does_not_wait_for_a_fifo_or_open_a_device() {
    let bench = Bench::new();
    nix::unistd::mkfifo(&bench.path("fifo"), Mode::S_IRWXU).unwrap();
    let fifo = bench.call("read", &json!({ "path": "fifo" })).await;
    assert!(
        fifo.failed && fifo.text.contains("it is a FIFO, not a file"),
        "{}",
        fifo.text
    );
    assert!(
        bench
            .refusal(
                "edit",
                &json!({ "path": "fifo", "old_string": "a", "new_string": "b" })
            )
            .contains("FIFO")
    );
    assert!(
        bench
            .refusal("write", &json!({ "path": "fifo", "content": "b" }))
            .contains("FIFO")
    );
    assert!(
        bench
            .refusal("grep", &json!({ "path": "fifo", "pattern": "b" }))
            .contains("FIFO")
    );
    let folder = bench.call("read", &json!({ "path": "." })).await;
    assert!(
        folder.failed && folder.text.contains("`.` is a folder; `list` shows"),
        "{}",
        folder.text
    );
    assert_eq!(
        bench.refusal("read", &json!({ "path": "none" })),
        "there is no `none`"
    );
    // Devices are outside, and not among what may be read there.
    assert!(
        bench
            .refusal("read", &json!({ "path": "/dev/zero" }))
            .contains("outside the workspace")
    );
}

#[tokio::test]
async fn reading_inside_does_not_ask_and_reading_outside_does() {
    let bench = Bench::new();
    bench.put("a.txt", "one\n");
    assert!(!bench.prepare("read", &json!({ "path": "a.txt" })).unwrap().asks);
    assert!(!bench.prepare("list", &json!({})).unwrap().asks);
    assert!(!bench.prepare("glob", &json!({ "pattern": "*" })).unwrap().asks);
    assert!(!bench.prepare("grep", &json!({ "pattern": "x" })).unwrap().asks);
    for (tool, arguments) in [
        ("read", json!({ "path": "/etc/passwd" })),
        ("list", json!({ "path": "/usr" })),
        ("glob", json!({ "path": "/usr", "pattern": "*" })),
        ("grep", json!({ "path": "/etc/passwd", "pattern": "root" })),
    ] {
        assert!(bench.prepare(tool, &arguments).unwrap().asks, "{tool}");
    }
    let read = bench.call("read", &json!({ "path": "/etc/passwd" })).await;
    assert!(!read.failed && read.text.contains("root"), "{}", read.text);
}

#[test]
fn what_a_caged_command_could_not_read_is_refused_whoever_allows_it() {
    let bench = Bench::new();
    let secret = bench.root().join("auth.json");
    symlink(&secret, bench.path("link")).unwrap();
    symlink(bench.root(), bench.path("up")).unwrap();
    for path in [
        secret.to_str().unwrap(),
        "../../../auth.json",
        "link",
        "up/auth.json",
        "up/threads/two/workspace",
        "/etc/shadow",
        "/proc/self/environ",
        "/tmp",
    ] {
        for tool in ["read", "list"] {
            let refusal = bench.refusal(tool, &json!({ "path": path }));
            assert!(
                refusal.contains("outside the workspace"),
                "{tool} {path}: {refusal}"
            );
        }
        assert!(
            bench
                .refusal("grep", &json!({ "path": path, "pattern": "." }))
                .contains("outside"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_link_that_appears_after_the_permission_is_not_followed() {
    let bench = Bench::new();
    bench.put("a.txt", "harmless\n");
    bench.put("folder/a.txt", "harmless\n");
    let read = bench.prepare("read", &json!({ "path": "a.txt" })).unwrap();
    let inner = bench.prepare("read", &json!({ "path": "folder/a.txt" })).unwrap();
    let write = bench
        .prepare("write", &json!({ "path": "folder/new", "content": "x" }))
        .unwrap();
    fs::remove_file(bench.path("a.txt")).unwrap();
    symlink(bench.root().join("auth.json"), bench.path("a.txt")).unwrap();
    fs::rename(bench.path("folder"), bench.path("moved")).unwrap();
    symlink(bench.root(), bench.path("folder")).unwrap();
    for prepared in [read, inner, write] {
        let outcome = bench.run(prepared, &mut |_| {}).await;
        assert!(
            outcome.failed && !outcome.text.contains("planted"),
            "{}",
            outcome.text
        );
    }
    assert!(!bench.root().join("new").exists());
}

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

#[test]
fn changes_of_the_work_may_be_allowed_for_good_and_those_of_what_rules_it_never() {
    let bench = Bench::new();
    for name in [
        ".git/config",
        "sub/.git/hooks/pre-commit",
        ".agent-host/settings",
        "AGENTS.md",
        "sub/AGENTS.md",
        "notes.md",
    ] {
        bench.put(name, "old");
    }
    std::os::unix::fs::symlink(".git/hooks", bench.path("innocent")).unwrap();
    std::os::unix::fs::symlink("AGENTS.md", bench.path("agents.txt")).unwrap();
    fs::create_dir_all(bench.path(".git/hooks")).unwrap();
    let write = |path: &str| {
        bench
            .prepare("write", &json!({ "path": path, "content": "new" }))
            .unwrap()
    };
    let edit = |path: &str| {
        let arguments = json!({ "path": path, "old_string": "old", "new_string": "new" });
        bench.prepare("edit", &arguments).unwrap()
    };
    for prepared in [
        write(".git/hooks/post-checkout"),
        write("innocent/post-checkout"),
        write("sub/../.git/config"),
        write(".agent-host/new/file"),
        write("AGENTS.md"),
        write("agents.md"),
        edit(".git/config"),
        edit("sub/.git/hooks/pre-commit"),
        edit(".agent-host/settings"),
        edit("agents.txt"),
        edit("sub/AGENTS.md"),
    ] {
        assert!(prepared.asks, "{}", prepared.title);
        assert_eq!(prepared.always, None, "{}", prepared.title);
    }
    let (one, two) = (
        write("src/main.rs").always.unwrap(),
        edit("notes.md").always.unwrap(),
    );
    assert_eq!(one, two, "one permission for both tools");
    assert_eq!(one.scope, "Always change files in this workspace");
    assert!(write(".gitignore").always.is_some());
}

#[test]
fn a_link_in_any_of_very_many_folders_is_found_and_what_can_not_be_looked_through_is_asked_about() {
    let bench = Bench::new();
    bench.put("notes.md", "old");
    bench.put("other.md", "old");
    for number in 0..600 {
        fs::create_dir_all(bench.path(format!("many/{number:05}"))).unwrap();
    }
    symlink("../../notes.md", bench.path("many/00599/AGENTS.md")).unwrap();
    let always = |path: &str| {
        let arguments = json!({ "path": path, "content": "new" });
        bench.prepare("write", &arguments).unwrap().always
    };
    assert_eq!(always("notes.md"), None);
    assert!(always("other.md").is_some());
    // More entries than are looked at.
    for number in 600..10_001 {
        fs::hard_link(bench.path("notes.md"), bench.path(format!("many/{number:05}"))).unwrap();
    }
    assert_eq!(always("other.md"), None);
}

#[test]
fn what_a_link_or_a_repository_makes_a_rule_of_the_work_is_asked_about_each_time() {
    let bench = Bench::new();
    for name in [
        "CLAUDE.md",
        "docs/rules.md",
        "docs/real.md",
        "docs/other.md",
        "sub/x",
        "a/b/x",
        "new/x",
        "round/x",
        "back/x",
        "docs/back.md",
        "store/x",
        "bare/HEAD",
        "bare/objects/x",
        "bare/refs/x",
        "half/HEAD",
        "half/objects/x",
        "tree/HEAD",
        "tree/commondir",
    ] {
        bench.put(name, "old");
    }
    for (target, link) in [
        ("CLAUDE.md", "AGENTS.md"),
        ("../docs/rules.md", "sub/AGENTS.md"),
        ("../../docs/way.md", "a/b/AGENTS.md"),
        ("real.md", "docs/way.md"),
        ("missing/rules.md", "new/AGENTS.md"),
        ("AGENTS.md", "round/AGENTS.md"),
        // Leads there as soon as somebody makes those folders.
        ("gone/away/../../../docs/back.md", "back/AGENTS.md"),
        ("../store", "sub/.git"),
    ] {
        symlink(target, bench.path(link)).unwrap();
    }
    let always = |path: &str| {
        let arguments = json!({ "path": path, "content": "new" });
        bench.prepare("write", &arguments).unwrap().always
    };
    for path in [
        "AGENTS.md",
        "CLAUDE.md",
        "docs/rules.md",
        "a/b/AGENTS.md",
        "docs/real.md",
        "docs/way.md",
        "docs/back.md",
        "new/missing/rules.md",
        "sub/.git/hooks/update",
        "store/hooks/update",
        "x.git/hooks/update",
        "X.GIT/config",
        "bare/hooks/update",
        "half/refs/heads/main",
        "tree/config",
    ] {
        assert_eq!(always(path), None, "{path}");
    }
    let arguments = json!({ "path": "CLAUDE.md", "old_string": "old", "new_string": "new" });
    assert_eq!(bench.prepare("edit", &arguments).unwrap().always, None);
    for path in [
        "docs/other.md",
        "docs/new.md",
        "half/notes",
        "round/x",
        "sub/x",
        ".gitignore",
    ] {
        assert!(always(path).is_some(), "{path}");
    }
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

#[tokio::test]
async fn list_shows_what_things_are() {
    let bench = Bench::new();
    bench.put("b.txt", "12345");
    bench.put(".hidden", "");
    bench.put("folder/x", "");
    symlink("b.txt", bench.path("link")).unwrap();
    nix::unistd::mkfifo(&bench.path("fifo"), Mode::S_IRWXU).unwrap();
    bench.bash("true").await;
    let listed = bench.call("list", &json!({})).await;
    assert_eq!(
        listed.text,
        ".hidden (0 bytes)\nb.txt (5 bytes)\nfifo (a FIFO)\nfolder/\nlink -> b.txt\n"
    );
    fs::create_dir(bench.path("none")).unwrap();
    assert_eq!(
        bench.call("list", &json!({ "path": "none" })).await.text,
        "[the folder is empty]"
    );
    assert!(
        bench
            .call("list", &json!({ "path": "b.txt" }))
            .await
            .text
            .contains("`read` shows a file")
    );
    for number in 0..600 {
        bench.put(&format!("many/{number:03}"), "");
    }
    let many = bench.call("list", &json!({ "path": "many" })).await;
    assert!(many.text.contains("[100 more entries"), "{}", many.text);
}

#[tokio::test]
async fn a_name_with_line_feeds_is_one_line_that_a_call_can_name() {
    let bench = Bench::new();
    let odd = "a\nb (1 bytes)\u{2028}\u{7f}\"\\";
    for name in [odd, "\"q\"", "back\\nslash"] {
        bench.put(&format!("d/{name}"), "found");
    }
    symlink(odd, bench.path("d/link")).unwrap();
    let seen = r#""a\nb (1 bytes)\u2028\u007f\"\\""#;
    let listed = bench.call("list", &json!({ "path": "d" })).await.text;
    assert_eq!(
        listed,
        format!(
            "{} (5 bytes)\n{seen} (5 bytes)\nback\\nslash (5 bytes)\nlink -> {seen}\n",
            r#""\"q\"""#
        )
    );
    let path = seen.replacen('"', "\"d/", 1);
    let whole = format!("d/{}\n", "back\\nslash");
    let found = bench.call("glob", &json!({ "pattern": "d/*" })).await.text;
    assert_eq!(format!("{found}\n"), format!("d/\"q\"\n{path}\n{whole}"));
    for (output, end) in [("lines", ":1:found"), ("files", ""), ("count", ": 1")] {
        let found = bench
            .call(
                "grep",
                &json!({ "pattern": "found", "path": "d", "output": output }),
            )
            .await
            .text;
        let line = format!("{path}{end}");
        assert!(found.lines().any(|found| found == line), "{found}");
        assert_eq!(found.lines().count(), 3, "{found}");
    }
    // As it was shown, so it is written in a call.
    let call = format!("{{\"path\":{path}}}");
    let read = bench.tools.prepare("read", &call).unwrap();
    assert_eq!(read.input, path);
    let read = bench.run(read, &mut |_| {}).await.text;
    assert_eq!(read, "     1\tfound\n");
    let part = bench.prepare(
        "read",
        &json!({ "path": format!("d/{odd}"), "offset": 1, "limit": 2 }),
    );
    assert_eq!(part.unwrap().input, format!("{path}\nfrom line 1, 2 lines"));
}

#[tokio::test]
async fn a_folder_of_the_configuration_may_be_read_after_asking_and_never_written() {
    let shown = tempfile::tempdir().unwrap();
    let file = shown.path().canonicalize().unwrap().join("data");
    fs::write(&file, "from outside\n").unwrap();
    let bench = Bench::with_readable(vec![shown.path().canonicalize().unwrap(), "/proc".into()]);
    let path = file.display().to_string();
    let read = bench.prepare("read", &json!({ "path": path })).unwrap();
    assert!(read.asks, "it lies outside");
    assert!(bench.run(read, &mut |_| {}).await.text.contains("from outside"));
    let refused = bench.refusal("write", &json!({ "path": path, "content": "x" }));
    assert!(refused.contains("nothing may be written there"), "{refused}");
    let run = bench.bash(&format!("cat {path}; echo x >> {path}")).await;
    assert!(run.failed && run.text.starts_with("from outside\n"), "{run:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "from outside\n");
    // A command sees itself there; the worker would show its own memory.
    assert!(!bench.bash("cat /proc/self/comm").await.failed);
    for path in ["/proc/self/environ", "/proc/thread-self/mem", "/proc"] {
        let refused = bench.refusal("read", &json!({ "path": path }));
        assert!(refused.contains("outside the workspace"), "{refused}");
    }
}
