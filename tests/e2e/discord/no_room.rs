//! What is said while the host can't write anything down: whoever says it sees that it waits.

use std::fs;

use nix::sys::signal::{Signal, kill};
use rehearsal::Counter;
use serde_json::json;
use support::Scene;
use support::discord::{Fault, Id, Message};
use tempfile::TempDir;

use super::{Stage, with};
use crate::disk::full::Disk;
use crate::trouble::TALKER;

/// The sign of what waits.
const WAITS: &str = "⏳";

/// A host with little room for what it has to write, and a thread in which it has answered.
struct Cramped {
    stage: Stage,
    thread: Id,
    disk: Disk,
    /// The agents' folders, which are elsewhere.
    _workspaces: TempDir,
}

impl Cramped {
    /// `None`: the machine gives no disk of its own.
    async fn start() -> Option<Self> {
        let disk = Disk::of_kib(8192)?;
        let workspaces = tempfile::tempdir().expect("a folder can be made");
        let stage = Stage::on(&disk, &workspaces).await;
        let (message, thread) = stage.mention(&stage.alice, "short").await;
        stage.is_answered_once(message, thread, "brief").await;
        Some(Self {
            stage,
            thread,
            disk,
            _workspaces: workspaces,
        })
    }
}

impl Stage {
    /// A host whose folder is on a disk of its own; the agents' folders are elsewhere, as this is about what the host has to
    /// write.
    async fn on(disk: &Disk, workspaces: &TempDir) -> Self {
        let home = TempDir::new_in(disk.path()).expect("there is room");
        let mut stage = Self::ready_in(Scene::start_in(home).await, "", "").await;
        stage.serve_by_script(TALKER);
        let elsewhere = format!("\n[threads]\nworkspaces = \"{}\"\n", workspaces.path().display());
        stage.agent.push_str(&elsewhere);
        stage.up().await;
        stage
    }

    /// The message waits no more: its turn was done, and answered once.
    async fn is_answered_once(&self, message: Id, thread: Id, answers: &str) {
        self.sign(message, "✅").await;
        let bot = self.fake.bot();
        self.fake
            .until("that it waits no more", |world| {
                (!world.message(message)?.has_reaction(WAITS, bot)).then_some(())
            })
            .await;
        assert_eq!(self.answers(thread).await, answers);
    }

    /// The same of one that called the bot in a channel.
    async fn is_answered_in_its_thread(&self, called: Id) {
        let thread = self.thread_of(called).await;
        self.is_answered_once(called, thread, "brief").await;
    }
}

#[tokio::test]
async fn who_speaks_while_the_disk_is_full_sees_that_it_waits_and_is_answered_once_there_is_room() {
    let Some(mut cramped) = Cramped::start().await else {
        return;
    };
    let Cramped {
        stage, thread, disk, ..
    } = &mut cramped;
    let thread = *thread;

    let filler = disk.fill();
    let late = stage.alice.says(thread, "short");
    stage.sign(late, WAITS).await;
    let why = "the host’s disk is full. I try again until I can";
    stage.said(thread, "why", with(why)).await;
    // Those behind it are not tried as long as it is.
    let behind = stage.alice.says(thread, "short");
    stage.sign(behind, WAITS).await;
    let not_meant = format!("{} short", stage.guild.member("bob").id.mention());
    let not_meant = stage.alice.says(thread, &not_meant);
    let called = stage.calls(stage.channel, "short");
    stage.sign(called, WAITS).await;
    stage.said(stage.channel, "why", with(why)).await;
    let opened = stage.thread_of(called).await;
    let inside = ["short", "short"].map(|text| stage.alice.says(opened, text));
    for message in inside {
        stage.sign(message, WAITS).await;
    }

    fs::remove_file(filler).expect("it is there");
    stage.sign(behind, "✅").await;
    for message in [late, behind] {
        stage
            .is_answered_once(message, thread, "brief\nbrief\nbrief")
            .await;
    }
    assert!(!stage.has_sign(not_meant, WAITS));
    stage.sign(inside[1], "✅").await;
    for message in [called, inside[0], inside[1]] {
        stage
            .is_answered_once(message, opened, "brief\nbrief\nbrief")
            .await;
    }
    let said = stage.fake.said(thread);
    let told = said.iter().filter(|said| said.contains(why)).count();
    assert_eq!(told, 1, "{said:?}");
    assert_eq!(stage.leaves().await, Some(0));
}

#[tokio::test]
async fn what_waited_for_room_when_its_host_was_killed_is_no_other_programs_and_waits_no_longer() {
    let Some(mut cramped) = Cramped::start().await else {
        return;
    };
    let Cramped { stage, disk, .. } = &mut cramped;
    let filler = disk.fill();
    let called = stage.calls(stage.channel, "short");
    stage.sign(called, WAITS).await;
    stage.kill();
    fs::remove_file(filler).expect("it is there");
    stage.up().await;
    stage.sign(called, "✅").await;
    stage.is_answered_in_its_thread(called).await;
    assert_eq!(stage.leaves().await, Some(0));
}

#[tokio::test]
async fn who_speaks_in_a_thread_that_is_still_being_opened_sees_that_it_waits() {
    let Some(mut cramped) = Cramped::start().await else {
        return;
    };
    let Cramped {
        stage, thread, disk, ..
    } = &mut cramped;
    let opens = Fault::held().on("POST", "/channels/*/threads");
    stage.fake.inject(opens);
    stage
        .alice
        .slash(stage.channel, "new", &[("text", json!("short"))]);
    stage.struck().await;
    let filler = disk.fill();
    stage.fake.let_go().await;
    let opened = stage
        .fake
        .until("the thread", |world| {
            let threads = world.threads(stage.channel);
            threads.iter().map(|one| one.id).find(|one| one != thread)
        })
        .await;
    let message = stage.alice.says(opened, "short");
    stage.sign(message, WAITS).await;
    fs::remove_file(filler).expect("it is there");
    stage.is_answered_once(message, opened, "brief\nbrief").await;
    assert_eq!(stage.leaves().await, Some(0));
}

#[tokio::test]
async fn what_is_asked_for_in_a_thread_of_an_older_version_is_said_also_where_nothing_can_be_written_down_of_it()
 {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: at last").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    kill(stage.worker(thread).await, Signal::SIGKILL).expect("it lives");
    let offers = |said: &Message| said.button("Retry").is_some();
    let note = stage.said(thread, "what happened", offers).await;
    stage.sign(message, "❌").await;
    stage.rests(thread).await;
    stage.kill();
    // As a version left it that did not write down the guilds of threads; and there is no room to do so.
    let guilds = stage.scene.folder().join("discord/guilds");
    fs::remove_file(&guilds).expect("it is there");
    fs::create_dir(&guilds).expect("a folder can be made");
    stage.up().await;
    // By then Discord has told of the thread.
    let typed = stage.alice.slash(thread, "status", &[]);
    stage.answered(&stage.alice, thread, typed, "").await;
    stage.alice.presses_labelled(note.id, "Retry");
    let answers = |said: &Message| said.content.starts_with("at last");
    stage.going(stage.said(thread, "the answer", answers)).await;
}
