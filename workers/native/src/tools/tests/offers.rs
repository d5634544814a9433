//! What is handed to the people in the thread.

use std::os::unix::fs::symlink;

use serde_json::json;

use super::Bench;

#[tokio::test]
async fn files_that_are_named_are_offered_and_nothing_is_asked() {
    let bench = Bench::new();
    bench.put("chart.png", "v1");
    bench.put("out/report.pdf", "v1");
    let arguments = json!({ "paths": ["chart.png", "out/report.pdf", "./chart.png"] });
    let prepared = bench.prepare("offer", &arguments).unwrap();
    assert!(!prepared.asks);
    assert_eq!(prepared.title, "offer chart.png, out/report.pdf");
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert_eq!(
        outcome.offered,
        [bench.path("chart.png"), bench.path("out/report.pdf")]
    );
    assert_eq!(
        outcome.text,
        "the people in this thread get `chart.png`, `out/report.pdf`"
    );
}

#[test]
fn what_is_no_file_of_the_workspace_is_not_offered() {
    let bench = Bench::new();
    bench.put("sub/a.txt", "");
    symlink("/etc/passwd", bench.path("link")).unwrap();
    symlink(bench.root().join("auth.json"), bench.path("secret")).unwrap();
    for (path, why) in [
        ("sub", "only files can be offered"),
        ("none.txt", "there is no `none.txt`"),
        ("link", "lies outside the workspace"),
        ("secret", "lies outside the workspace"),
        ("/etc/passwd", "lies outside the workspace"),
    ] {
        let refusal = bench.refusal("offer", &json!({ "paths": [path] }));
        assert!(refusal.contains(why), "{path}: {refusal}");
    }
    let eleven = vec!["sub/a.txt"; 11];
    for paths in [vec![], eleven] {
        let refusal = bench.refusal("offer", &json!({ "paths": paths }));
        assert!(refusal.contains("from 1 to 10 files"), "{refusal}");
    }
}

#[tokio::test]
async fn nothing_is_offered_that_nobody_named() {
    let bench = Bench::new();
    let made = bench
        .bash("echo x > new.txt; mkdir uploads; echo y > uploads/theirs.txt")
        .await;
    let written = bench
        .call("write", &json!({ "path": "a.ts", "content": "x" }))
        .await;
    assert!(made.offered.is_empty() && written.offered.is_empty());
}

#[tokio::test]
async fn a_file_that_is_gone_by_then_is_told() {
    let bench = Bench::new();
    bench.put("a.txt", "");
    let prepared = bench.prepare("offer", &json!({ "paths": ["a.txt"] })).unwrap();
    std::fs::remove_file(bench.path("a.txt")).unwrap();
    let outcome = bench.run(prepared, &mut |_| {}).await;
    assert!(outcome.failed && outcome.offered.is_empty(), "{outcome:?}");
}
