//! `glob` and `grep`.

use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use serde_json::json;

use super::Bench;

#[tokio::test]
async fn glob_finds_by_pattern_and_leaves_out_what_git_ignores() {
    let bench = Bench::new();
    for name in [
        "a.rs",
        "src/b.rs",
        "src/deep/c.rs",
        "src/d.py",
        "target/x.rs",
        ".git/y.rs",
        ".github/z.rs",
    ] {
        bench.put(name, "");
    }
    bench.put(".gitignore", "target/\n");
    let found = async |arguments| bench.call("glob", &arguments).await.text;
    assert_eq!(
        found(json!({ "pattern": "*.rs" })).await,
        ".github/z.rs\na.rs\nsrc/b.rs\nsrc/deep/c.rs".replace(".github/z.rs\na.rs", "a.rs\n.github/z.rs")
    );
    assert_eq!(
        found(json!({ "pattern": "src/*.{rs,py}" })).await,
        "src/b.rs\nsrc/d.py"
    );
    assert_eq!(
        found(json!({ "pattern": "**/c.rs", "path": "src" })).await,
        "src/deep/c.rs"
    );
    assert_eq!(
        found(json!({ "pattern": "*.nothing" })).await,
        "[no file matches]"
    );
    // Whoever names an ignored folder wants to look into it.
    assert_eq!(
        found(json!({ "pattern": "*.rs", "path": "target" })).await,
        "target/x.rs"
    );
    assert!(
        bench
            .refusal("glob", &json!({ "pattern": "[" }))
            .contains("is not right")
    );
    assert!(
        bench
            .refusal("glob", &json!({ "pattern": "*", "path": "a.rs" }))
            .contains("not a folder")
    );
}

#[tokio::test]
async fn rules_of_inner_folders_win_and_those_of_outer_ones_reach_in() {
    let bench = Bench::new();
    bench.put(".gitignore", "*.log\n");
    bench.put("keep/.gitignore", "!important.log\n");
    for name in [
        "a.log",
        "keep/important.log",
        "keep/other.log",
        "keep/sub/important.log",
        "keep/sub/x.txt",
    ] {
        bench.put(name, "");
    }
    let all = bench
        .call("glob", &json!({ "pattern": "*.{log,txt}" }))
        .await
        .text;
    assert_eq!(all, "keep/important.log\nkeep/sub/important.log\nkeep/sub/x.txt");
    let inner = bench
        .call("glob", &json!({ "pattern": "*.{log,txt}", "path": "keep/sub" }))
        .await
        .text;
    assert_eq!(inner, "keep/sub/important.log\nkeep/sub/x.txt");
}

#[tokio::test]
async fn many_files_are_cut_and_said_to_be() {
    let bench = Bench::new();
    for number in 0..600 {
        bench.put(&format!("{number:03}.txt"), "match\n");
    }
    let found = bench.call("glob", &json!({ "pattern": "*.txt" })).await.text;
    assert_eq!(found.lines().count(), 501);
    assert!(found.ends_with("[these are the first 500 files: make the pattern or the path narrower]"));
}

#[tokio::test]
async fn grep_shows_lines_files_and_counts() {
    let bench = Bench::new();
    bench.put("a.txt", "one\nTwo\nthree\ntwo\n");
    bench.put("b.md", "two\n");
    let found = async |arguments| bench.call("grep", &arguments).await.text;
    assert_eq!(
        found(json!({ "pattern": "^two$" })).await,
        "a.txt:4:two\nb.md:1:two\n"
    );
    assert_eq!(
        found(json!({ "pattern": "TWO", "ignore_case": true, "output": "count" })).await,
        "a.txt: 2\nb.md: 1\n"
    );
    assert_eq!(
        found(json!({ "pattern": "two", "output": "files", "glob": "*.md" })).await,
        "b.md\n"
    );
    assert_eq!(
        found(json!({ "pattern": "three", "context": 1 })).await,
        "a.txt-2-Two\na.txt:3:three\na.txt-4-two\n"
    );
    assert_eq!(
        found(json!({ "pattern": "two", "path": "b.md" })).await,
        "b.md:1:two\n"
    );
    assert_eq!(
        found(json!({ "pattern": "nothing" })).await,
        "[no line matches]\n"
    );
    assert!(
        bench
            .refusal("grep", &json!({ "pattern": "(" }))
            .contains("regular expression")
    );
    assert!(
        bench
            .refusal("grep", &json!({ "pattern": "a\nb" }))
            .contains("regular expression")
    );
    assert!(
        bench
            .refusal("grep", &json!({ "pattern": "(a{1000}){1000}{1000}" }))
            .contains("regular expression")
    );
}

#[tokio::test]
async fn grep_passes_over_binary_and_ignored_files_and_bounds_its_answer() {
    let bench = Bench::new();
    bench.put(".gitignore", "ignored\n");
    bench.put("ignored", "match\n");
    bench.put("data", b"\0match\n");
    bench.put("long", format!("match{}\n", "x".repeat(100_000)));
    let found = bench.call("grep", &json!({ "pattern": "match" })).await.text;
    assert!(
        found.starts_with("long:1:matchxxx") && found.contains("[99505 more bytes]"),
        "{found}"
    );
    assert_eq!(found.lines().count(), 1);

    bench.put("many", "match\n".repeat(1_000_000));
    let found = bench.call("grep", &json!({ "pattern": "match" })).await.text;
    assert!(found.len() < 40_000, "{}", found.len());
    assert!(found.ends_with("make the pattern or the path narrower]"));
}

#[tokio::test]
async fn traps_in_the_workspace_hold_up_no_search() {
    let bench = Bench::new();
    // Each of these would make a naive walk wait for ever, read for ever, or leave the workspace.
    nix::unistd::mkfifo(&bench.path(".gitignore"), Mode::S_IRWXU).unwrap();
    nix::unistd::mkfifo(&bench.path("fifo"), Mode::S_IRWXU).unwrap();
    bench.put("sub/match.txt", "match\n");
    symlink("/dev/zero", bench.path("sub/.gitignore")).unwrap();
    symlink("..", bench.path("sub/up")).unwrap();
    symlink(bench.root(), bench.path("out")).unwrap();
    symlink(bench.root().join("auth.json"), bench.path("secret")).unwrap();
    assert_eq!(
        bench.call("glob", &json!({ "pattern": "**" })).await.text,
        "sub/match.txt"
    );
    assert_eq!(
        bench
            .call("grep", &json!({ "pattern": "match|planted" }))
            .await
            .text,
        "sub/match.txt:1:match\n"
    );
}
