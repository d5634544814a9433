//! `read`, and where it may look.

use super::*;

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
