//! `read`, `write`, `edit`, `list`, and where they may go.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::sys::stat::Mode;
use serde_json::json;

use super::Bench;

mod reading;
mod rules;
mod writing;

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
