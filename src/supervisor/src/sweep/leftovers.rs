//! The sweep at start: what an earlier host on this state folder left behind when it was killed.
//!
//! Such a process is nobody's child any more. It is known by the record of its worker, by being in that worker's session,
//! by the state folder in its environment, by the mark among its limits, or by having one of these as its ancestor. All
//! are stopped first and killed then, so that none starts another meanwhile.

use std::collections::{HashMap, HashSet};
use std::io;

use nix::sys::signal::Signal;

use super::mark::Mark;
use super::process::{self, Process};
use super::record::Leftover;
use super::refresher::Refreshers;

/// What is to be killed, already stopped, and what is to be left alone.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) stopped: Vec<Process>,
    pub(super) spared: Vec<Process>,
}

/// What a leftover is known by.
#[derive(Debug)]
pub(super) struct Signs {
    pub(super) workers: Vec<Leftover>,
    /// An entry of the environment.
    pub(super) variable: Vec<u8>,
    pub(super) mark: Mark,
}

impl Signs {
    fn are_on(&self, process: &Process) -> bool {
        self.workers.iter().any(|worker| worker.includes(process))
            || process.has_in_environment(&self.variable)
            || self.mark.is_on(process)
    }
}

/// Finds and stops, round by round, until a round finds nothing new.
pub(super) fn find(signs: &Signs, refreshers: &Refreshers) -> io::Result<Found> {
    let mut found = Found::default();
    let mut met = HashSet::new();
    loop {
        let all = process::all()?;
        let ours = ancestors(&all);
        let roots: HashSet<i32> = all
            .iter()
            .filter(|process| !process.is_zombie && signs.are_on(process))
            .map(|process| process.pid)
            .chain(found.stopped.iter().map(|process| process.pid))
            .collect();
        let parents: HashMap<i32, i32> = all.iter().map(|process| (process.pid, process.parent)).collect();
        let mut is_new = false;
        for process in &all {
            let is_left = descends(process.pid, &roots, &parents);
            if process.is_zombie || !is_left || ours.contains(&process.pid) || !met.insert(process.pid) {
                continue;
            }
            is_new = true;
            if refreshers.spare(process) {
                found.spared.push(*process);
            } else {
                let _ = process.signal(Signal::SIGSTOP);
                found.stopped.push(*process);
            }
        }
        if !is_new {
            return Ok(found);
        }
    }
}

/// This process and those above it: a host that was started from within a worker must not kill itself.
fn ancestors(all: &[Process]) -> HashSet<i32> {
    let parents: HashMap<i32, i32> = all.iter().map(|process| (process.pid, process.parent)).collect();
    let mut ancestors = HashSet::new();
    let mut next = Some(nix::unistd::getpid().as_raw());
    while let Some(pid) = next.filter(|pid| ancestors.insert(*pid)) {
        next = parents.get(&pid).copied();
    }
    ancestors
}

fn descends(pid: i32, roots: &HashSet<i32>, parents: &HashMap<i32, i32>) -> bool {
    // The snapshot is not taken at one moment, so what it says could be a circle.
    let mut steps = 0;
    let mut next = Some(pid);
    while let Some(pid) = next.filter(|_| steps < 1000) {
        if roots.contains(&pid) {
            return true;
        }
        steps += 1;
        next = parents.get(&pid).copied();
    }
    false
}
