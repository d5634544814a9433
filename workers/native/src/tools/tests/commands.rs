//! `bash`: what comes out, what is said, what is kept.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::Bench;

#[tokio::test]
async fn both_outputs_come_in_their_order_with_the_exit_code() {
    let bench = Bench::new();
    let outcome = bench.bash("echo one; echo two >&2; echo three; exit 3").await;
    assert_eq!(outcome.text, "one\ntwo\nthree\n[exit code 3]");
    assert_eq!((outcome.exit, outcome.failed), (Some(3), true));
    let fine = bench.bash("printf done").await;
    assert_eq!(
        (fine.text.as_str(), fine.exit, fine.failed),
        ("done", Some(0), false)
    );
    assert_eq!(bench.bash("true").await.text, "[no output]");
    let killed = bench.bash("echo x; kill -SEGV $$").await;
    assert_eq!(
        (killed.text.as_str(), killed.exit, killed.failed),
        ("x\n[ended by SIGSEGV]", None, true)
    );
}

#[tokio::test]
async fn what_is_shown_is_what_is_executed() {
    let bench = Bench::new();
    let command = "echo ready; until [ -e go ]; do :; done # 'quoted' $HOME `x`";
    let prepared = bench.prepare("bash", &json!({ "command": command })).unwrap();
    assert!(prepared.asks);
    assert_eq!(prepared.input, command);
    let always = prepared.always.as_ref().unwrap();
    assert!(
        always.key.contains(command),
        "another command is another permission"
    );
    assert_eq!(always.scope, "Always run exactly this command");
    let mut arguments = Vec::new();
    let outcome = bench
        .run(prepared, &mut |piece| {
            // The command waits for us, so it is alive to be looked at.
            if piece.contains("ready") {
                arguments = command_lines();
                fs::write(bench.path("go"), "").unwrap();
            }
        })
        .await;
    assert_eq!(outcome.exit, Some(0), "{}", outcome.text);
    assert!(
        arguments
            .iter()
            .any(|line| line.ends_with(&format!("bash\0-c\0{command}\0"))),
        "{arguments:?}"
    );
}

fn command_lines() -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .collect()
}

#[tokio::test]
async fn long_output_is_cut_in_the_middle_and_kept_whole_in_a_file() {
    let bench = Bench::new();
    let outcome = bench.bash("seq 1 100000").await;
    assert!(outcome.text.len() < 34_000, "{}", outcome.text.len());
    assert!(outcome.text.starts_with("1\n2\n3\n") && outcome.text.ends_with("\n99999\n100000\n"));
    let files: Vec<_> = fs::read_dir(bench.spill())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("{files:?}")
    };
    assert!(outcome.text.contains(&format!(
        "the whole is in {}, for `read` and `grep`]",
        file.display()
    )));
    let whole = fs::read_to_string(file).unwrap();
    assert!(whole.ends_with('\n'));
    assert!(
        whole
            .lines()
            .map(|line| line.parse::<u32>().unwrap())
            .eq(1..=100_000)
    );
    // Neither asks, and commands reach it too.
    let path = file.to_str().unwrap();
    let read = bench
        .prepare("read", &json!({ "path": path, "offset": 50_000, "limit": 1 }))
        .unwrap();
    assert!(!read.asks);
    assert!(
        bench
            .run(read, &mut |_| {})
            .await
            .text
            .starts_with(" 50000\t50000\n")
    );
    assert_eq!(bench.bash(&format!("tail -n 1 {path}")).await.text, "100000\n");
    assert!(
        bench.bash(&format!("echo x >> {path}")).await.failed,
        "they only read"
    );
}

#[tokio::test]
async fn only_the_latest_long_outputs_are_kept() {
    let bench = Bench::new();
    for _ in 0..18 {
        bench.bash("seq 1 10000").await;
    }
    assert_eq!(fs::read_dir(bench.spill()).unwrap().count(), 16);
}

#[tokio::test]
async fn the_oldest_outputs_go_when_a_thread_has_too_much_and_that_is_said() {
    let bench = Bench::new();
    fs::create_dir(bench.spill()).unwrap();
    let old = |number: u32| bench.spill().join(format!("output-{number:020}.txt"));
    for number in 0..5 {
        // Holes: they count as what they would take.
        fs::File::create(old(number)).unwrap().set_len(60 << 20).unwrap();
    }
    let first = bench.bash("seq 1 10000").await.text;
    assert!(
        first.contains("; 2 files of earlier commands went for it: a thread keeps 16, and 256 MiB]"),
        "{}",
        &first[16_000..17_000]
    );
    let there: Vec<bool> = (0..5).map(|number| old(number).exists()).collect();
    assert_eq!(there, [false, false, true, true, true]);
    assert!(!bench.bash("seq 1 10000").await.text.contains("earlier commands"));
}

#[tokio::test]
async fn a_flood_is_bounded_in_memory_on_disk_and_on_the_way_to_the_chat() {
    let bench = Bench::new();
    let before = peak_memory();
    let prepared = bench
        .prepare(
            "bash",
            &json!({ "command": "head -c 200000000 /dev/zero | tr '\\0' x" }),
        )
        .unwrap();
    let (mut pieces, mut shown) = (0, 0);
    let began = std::time::Instant::now();
    let outcome = bench
        .run(prepared, &mut |piece| {
            pieces += 1;
            shown += piece.len();
        })
        .await;
    let pauses = began.elapsed().as_millis() / 50 + 2;
    assert!(
        outcome
            .text
            .contains("of 200000000 bytes are left out here; the first 67108864 bytes are in")
    );
    assert!(outcome.text.len() < 34_000);
    assert!(pieces <= pauses, "{pieces} pieces in {pauses} pauses");
    assert!(shown < 17_000 * usize::try_from(pauses).unwrap(), "{shown}");
    let file = fs::read_dir(bench.spill()).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().len(), 64 * 1024 * 1024);
    let grown = peak_memory() - before;
    assert!(grown < 24 * 1024, "grew by {grown} KiB");
}

/// In KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn output_that_cannot_be_kept_is_said_to_be_lost() {
    let bench = Bench::new();
    fs::write(bench.spill(), "a file in the way").unwrap();
    let outcome = bench.bash("seq 1 100000").await;
    assert_eq!(outcome.exit, Some(0));
    assert!(
        outcome.text.contains("they are lost, as they could not be kept"),
        "{}",
        &outcome.text[16_000..17_000]
    );
}

/// A disk of its own for what is mounted there, where this user may mount one.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn at(folder: &'a Path, mebibytes: u64) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]);
        let mounted = mount.arg(folder).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        eprintln!("not tested: a disk of its own needs the right to mount");
        None
    }

    /// Bytes that are free.
    fn free(&self) -> u64 {
        let disk = nix::sys::statvfs::statvfs(self.0).unwrap();
        disk.blocks_available() * disk.fragment_size()
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_flood_leaves_room_on_a_small_disk_and_its_command_goes_on() {
    const SIZE: u64 = 16;
    let bench = Bench::new();
    fs::create_dir(bench.spill()).unwrap();
    let spill = bench.spill();
    let Some(disk) = Disk::at(&spill, SIZE) else {
        return;
    };
    let command = "yes | head -c 40000000; echo done > done";
    let outcome = bench.bash(command).await;
    assert_eq!((outcome.exit, bench.text("done").as_str()), (Some(0), "done\n"));
    let file = fs::read_dir(&spill).unwrap().next().unwrap().unwrap();
    let kept = file.metadata().unwrap().len();
    let expected = format!(
        "of 40000000 bytes are left out here; the first {kept} bytes are in {}, for `read` and `grep`; \
         the rest is lost: the disk that the host keeps output on is nearly full]",
        file.path().display()
    );
    assert!(
        outcome.text.contains(&expected),
        "{}",
        &outcome.text[16_000..17_000]
    );
    let (floor, chunk) = (SIZE * 1024 * 1024 / 20, 128 * 1024);
    assert!(
        disk.free() >= floor && disk.free() < floor + chunk,
        "{}",
        disk.free()
    );

    // There is nothing left for the next one, and that is said, too.
    let outcome = bench.bash(command).await;
    assert_eq!(outcome.exit, Some(0));
    let expected = "they are lost: the disk that the host keeps output on is nearly full]";
    assert!(
        outcome.text.contains(expected),
        "{}",
        &outcome.text[16_000..17_000]
    );
    assert!(disk.free() >= floor);
    assert_eq!(
        fs::read_dir(&spill).unwrap().count(),
        1,
        "and no file is made for it"
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_and_terminal_codes_pass() {
    let bench = Bench::new();
    let outcome = bench.bash(r"printf 'a\xffb\n\x1b[31mred\x1b[0m\n'").await;
    assert_eq!(outcome.text, "a\u{fffd}b\n\u{1b}[31mred\u{1b}[0m\n");
}

#[tokio::test]
async fn a_time_out_tells_the_limit_and_keeps_what_came() {
    let bench = Bench::new();
    let outcome = bench
        .call(
            "bash",
            &json!({ "command": "echo begun; sleep 1000", "timeout": 1 }),
        )
        .await;
    assert_eq!(
        outcome.text,
        "begun\n[the command was ended: it ran longer than its limit of 1 s; `timeout` can be up to 1800 s]"
    );
    assert_eq!((outcome.exit, outcome.failed), (None, true));
}

#[test]
fn another_time_out_is_shown_and_is_another_permission() {
    let bench = Bench::new();
    let asked = |arguments: serde_json::Value| {
        let prepared = bench.prepare("bash", &arguments).unwrap();
        assert_eq!(prepared.input, arguments["command"], "nothing but the command");
        (prepared.title, prepared.always.unwrap().key)
    };
    let (title, key) = asked(json!({ "command": "make" }));
    assert_eq!(title, "run a command");
    assert_eq!(
        asked(json!({ "command": "make", "timeout": 120 })),
        (title, key.clone())
    );
    let (long, long_key) = asked(json!({ "command": "make", "timeout": 1800 }));
    assert_eq!(long, "run a command for up to 1800 s");
    assert_ne!(long_key, key);
    // No command can be written so that it has the key of another with more time.
    let (_, forged) = asked(json!({ "command": long_key }));
    assert_ne!(forged, long_key);
}

#[test]
fn commands_that_cannot_be_run_are_refused_before_anybody_is_asked() {
    let bench = Bench::new();
    let refusal = |arguments| bench.refusal("bash", &arguments);
    assert_eq!(refusal(json!({ "command": " \n" })), "the command is empty");
    assert!(refusal(json!({ "command": "a\0b" })).contains("NUL"));
    assert!(refusal(json!({ "command": "x".repeat(200_000) })).contains("put it into a file"));
    assert!(refusal(json!({ "command": "x", "timeout": 0 })).contains("from 1 to 1800"));
    assert!(refusal(json!({ "command": "x", "timeout": 1801 })).contains("from 1 to 1800"));
}

#[tokio::test]
async fn a_workspace_that_vanished_is_named() {
    let bench = Bench::new();
    fs::remove_dir_all(bench.workspace()).unwrap();
    let outcome = bench.bash("echo x").await;
    let expected = format!(
        "the command was not run: could not open `{}`",
        bench.workspace().display()
    );
    assert!(
        outcome.failed && outcome.text.starts_with(&expected),
        "{}",
        outcome.text
    );
}

#[tokio::test]
async fn commands_are_caged() {
    let bench = Bench::new();
    let secret = bench.root().join("auth.json");
    let outcome = bench.bash(&format!("cat {}", secret.display())).await;
    assert!(
        outcome.failed && outcome.text.contains("Permission denied"),
        "{}",
        outcome.text
    );
    let outcome = bench
        .bash("pwd; env | grep -c CARGO; cat; echo x > ~/y && echo home")
        .await;
    assert_eq!(
        outcome.text,
        format!("{}\n0\nhome\n", bench.workspace().display())
    );
}
