//! `glob` and `grep`.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use serde_json::json;

use super::Bench;
use crate::tools::stop::Stop;
use crate::tools::walk;

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

/// Takes a folder away and puts a link to another one into its place.
fn swap(folder: &Path, for_what: &Path) {
    fs::rename(folder, folder.with_extension("away")).unwrap();
    symlink(for_what, folder).unwrap();
}

#[test]
fn a_folder_that_becomes_a_link_in_the_middle_of_a_walk_leads_nowhere() {
    let bench = Bench::new();
    fs::create_dir(bench.root().join("hidden")).unwrap();
    fs::write(bench.root().join("hidden/planted"), "").unwrap();
    bench.put("a/first", "");
    bench.put("b/second", "");
    bench.put("c/third", "");
    let place = bench.tools.places.to_read(".").unwrap();
    let mut seen = Vec::new();
    let (stop, _guard) = Stop::new();
    walk::files(&bench.tools.places, &place, &stop, |file| {
        if seen.is_empty() {
            swap(&bench.path("b"), &bench.root().join("hidden"));
        }
        seen.push(file.path.file_name().unwrap().to_owned());
        true
    })
    .unwrap();
    assert_eq!(seen, ["first", "third"]);
}

#[test]
fn a_file_that_was_met_is_opened_where_it_was_met() {
    let bench = Bench::new();
    fs::create_dir(bench.root().join("hidden")).unwrap();
    fs::write(bench.root().join("hidden/notes"), "planted").unwrap();
    bench.put("a/notes", "mine");
    let place = bench.tools.places.to_read(".").unwrap();
    let (stop, _guard) = Stop::new();
    let mut read = Vec::new();
    walk::files(&bench.tools.places, &place, &stop, |file| {
        swap(&bench.path("a"), &bench.root().join("hidden"));
        read.push(std::io::read_to_string(file.open().unwrap()).unwrap());
        true
    })
    .unwrap();
    assert_eq!(read, ["mine"]);
}

#[tokio::test]
async fn a_folder_that_becomes_a_link_before_a_call_runs_is_not_followed() {
    for (tool, arguments) in [
        ("list", json!({ "path": "sub" })),
        ("glob", json!({ "pattern": "*", "path": "sub" })),
        ("grep", json!({ "pattern": "planted", "path": "sub" })),
        ("read", json!({ "path": "sub/notes" })),
    ] {
        let bench = Bench::new();
        fs::create_dir(bench.root().join("hidden")).unwrap();
        fs::write(bench.root().join("hidden/notes"), "planted").unwrap();
        bench.put("sub/notes", "mine");
        let prepared = bench.prepare(tool, &arguments).unwrap();
        swap(&bench.path("sub"), &bench.root().join("hidden"));
        let outcome = bench.run(prepared, &mut |_| {}).await;
        assert!(
            outcome.failed && !outcome.text.contains("planted"),
            "{tool}: {outcome:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_swaps_a_folder_all_the_time_gets_nothing_from_outside() {
    let bench = Bench::new();
    fs::create_dir(bench.root().join("hidden")).unwrap();
    for number in 0..20 {
        fs::write(bench.root().join(format!("hidden/{number}")), "planted-text\n").unwrap();
        bench.put(&format!("b/{number}"), "mine\n");
        bench.put(&format!("a{number}/x"), "mine\n");
    }
    let (folder, away) = (bench.path("b"), bench.path("b.away"));
    let hidden = bench.root().join("hidden");
    let done = AtomicBool::new(false);
    let outcomes = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                swap(&folder, &hidden);
                fs::remove_file(&folder).unwrap();
                fs::rename(&away, &folder).unwrap();
            }
        });
        let mut outcomes = vec![];
        tokio::task::block_in_place(|| {
            for _ in 0..200 {
                let handle = tokio::runtime::Handle::current();
                let found = handle.block_on(bench.call("grep", &json!({ "pattern": "text|mine" })));
                outcomes.push(found.text);
            }
        });
        done.store(true, Ordering::Relaxed);
        outcomes
    });
    assert!(
        outcomes.iter().all(|text| !text.contains("planted")),
        "{outcomes:?}"
    );
    assert!(outcomes.iter().any(|text| text.contains("mine")));
}

#[test]
fn a_blocking_tool_whose_call_was_dropped_ends_soon_however_long_its_file_is() {
    let bench = Bench::new();
    let mut lines = File::create(bench.path("lines")).unwrap();
    let chunk = b"abcdefghijklmno\n".repeat(64 * 1024);
    for _ in 0..64 {
        lines.write_all(&chunk).unwrap();
    }
    let line = File::create(bench.path("line")).unwrap();
    line.write_all_at(&[b'x'; 16 * 1024], 0).unwrap();
    line.set_len(1 << 40).unwrap();
    for (tool, arguments) in [
        ("grep", json!({ "pattern": "[a-z]{20}", "path": "lines" })),
        ("read", json!({ "path": "line" })),
    ] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let prepared = bench.prepare(tool, &arguments).unwrap();
        let mut silent = |_| {};
        let run = bench.run(prepared, &mut silent);
        let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_millis(50), run).await });
        assert!(ended.is_err(), "{tool} is slow enough to be stopped");
        let since = Instant::now();
        // Waits for its thread.
        drop(runtime);
        assert!(
            since.elapsed() < Duration::from_secs(1),
            "{tool}: {:?}",
            since.elapsed()
        );
    }
}

/// What this process had in memory at most, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn rules_without_end_do_not_swell_the_worker() {
    let bench = Bench::new();
    let mut folder = String::new();
    for level in 0..12 {
        let rules: Vec<String> = (0..12_000)
            .map(|line| format!("*a{level}?{line:05}[xyz]*q"))
            .collect();
        bench.put(&format!("{folder}.gitignore"), rules.join("\n"));
        bench.put(&format!("{folder}seen.txt"), "");
        folder.push_str("inner/");
    }
    let before = peak();
    let outcome = bench.call("glob", &json!({ "pattern": "*.txt" })).await;
    let grown = peak() - before;
    assert_eq!(outcome.text.lines().count(), 12, "{}", outcome.text);
    assert!(grown < 40 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn a_line_without_end_is_data_whatever_the_pattern() {
    let bench = Bench::new();
    let next = |at: &u64| Some(at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let letters =
        std::iter::successors(Some(1), next).map(|at: u64| char::from(b"abcdefgh"[(at >> 61) as usize]));
    let letters: String = letters.take(14_000_000).collect();
    bench.put("a.txt", format!("z1\n{letters}\nz2\n"));
    bench.put("b.txt", "z3\n");
    let pattern = "^z|(?:[a-h]{1,40}a[a-h]{1,40}b){3,20}[i-z0-9]";
    let since = Instant::now();
    let found = bench.call("grep", &json!({ "pattern": pattern })).await;
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert_eq!(
        found.text,
        "a.txt:1:z1\nb.txt:1:z3\n[searched only up to a line that is too long, more than 1 MiB: 1 file]\n"
    );
    bench.put("b.txt", "z".repeat(1024 * 1024));
    let found = bench
        .call(
            "grep",
            &json!({ "pattern": "^z", "path": "b.txt", "output": "files" }),
        )
        .await;
    assert_eq!(found.text, "b.txt\n", "a line of exactly the limit is searched");
}

#[test]
fn a_card_shows_all_that_a_search_does() {
    let bench = Bench::new();
    let pattern = format!("{}\n$", "x".repeat(200));
    let input = |name, arguments| bench.prepare(name, &arguments).unwrap().input;
    assert_eq!(
        input("glob", json!({ "pattern": pattern, "path": "/usr/share" })),
        format!("{}\\n$\nin: /usr/share", "x".repeat(200))
    );
    let pattern = "p".repeat(200);
    assert_eq!(
        input("grep", json!({ "pattern": pattern, "path": "/usr/share" })),
        format!("{pattern}\nin: /usr/share\nshows: lines")
    );
    assert_eq!(
        input(
            "grep",
            json!({ "pattern": pattern, "glob": "*.key", "ignore_case": true, "context": 20, "output": "count" })
        ),
        format!(
            "{pattern}\nin: .\nfiles: *.key\nignoring case\nwith 20 lines around each match\nshows: counts of lines"
        )
    );
    let scope = |name, arguments| bench.prepare(name, &arguments).unwrap().always.unwrap().scope;
    for (name, arguments, says) in [
        (
            "grep",
            json!({ "pattern": "x", "path": "/usr/share" }),
            "Always search in and below this place",
        ),
        (
            "glob",
            json!({ "pattern": "x", "path": "/usr/share" }),
            "Always find files in and below this folder",
        ),
        ("list", json!({ "path": "/usr/share" }), "Always list this folder"),
    ] {
        assert_eq!(scope(name, arguments), says);
    }
}
