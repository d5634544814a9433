//! Puts pieces into messages. Where a message ends depends only on the pieces that fit into it and on the fact that there is
//! one more: so nothing that comes later changes a message that is full.

use super::atom::{Atom, Break, end, join, render, units};

/// Messages so far; the last one is still open.
#[derive(Debug, Default)]
pub(super) struct Packer {
    limit: usize,
    full: Vec<String>,
    open: Vec<Atom>,
    /// For each open piece: the length of a message that ends before it.
    ends: Vec<usize>,
    /// The length of the open message without what would end it.
    length: usize,
    scratch: String,
}

impl Packer {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Full messages so far.
    pub(super) fn full(&self) -> usize {
        self.full.len()
    }

    /// Adds a piece. One that is longer than a message is cut.
    pub(super) fn add(&mut self, atom: Atom) {
        let mut waiting = atom.cut(self.limit);
        waiting.reverse();
        while let Some(atom) = waiting.pop() {
            if self.fits(&atom) || self.open.is_empty() {
                self.push(atom);
                continue;
            }
            let at = self.best_break(&atom);
            let moved = self.open.split_off(at);
            let full = render(&self.open);
            // What Discord would trim to nothing is no message.
            if !full.trim().is_empty() {
                self.full.push(full);
            }
            self.open.clear();
            self.ends.clear();
            self.length = 0;
            waiting.push(atom);
            waiting.extend(moved.into_iter().rev());
        }
    }

    /// Adds pieces that may still change, as long as they fit: they never fill a message.
    pub(super) fn show(&mut self, tail: Vec<Atom>) {
        let limit = self.limit;
        for atom in tail.into_iter().flat_map(|atom| atom.cut(limit)) {
            if !self.fits(&atom) && !self.open.is_empty() {
                return;
            }
            self.push(atom);
        }
    }

    /// All messages.
    pub(super) fn finish(mut self) -> Vec<String> {
        let last = render(&self.open);
        if !last.trim().is_empty() {
            self.full.push(last);
        }
        self.full
    }

    fn fits(&mut self, atom: &Atom) -> bool {
        self.grown(atom) + end(Some(atom)).len() <= self.limit
    }

    fn push(&mut self, atom: Atom) {
        self.ends.push(self.length + end(self.open.last()).len());
        self.length = self.grown(&atom);
        self.open.push(atom);
    }

    fn grown(&mut self, atom: &Atom) -> usize {
        self.scratch.clear();
        join(self.open.last(), atom, &mut self.scratch);
        self.length + units(&self.scratch) + units(&atom.text)
    }

    /// The piece to begin the next message with: the best one that leaves this one at least half full, the latest of equals.
    fn best_break(&self, next: &Atom) -> usize {
        let last = self.length + end(self.open.last()).len();
        let places = (1..self.open.len())
            .map(|at| (self.open[at].before, self.ends[at], at))
            .chain([(next.before, last, self.open.len())]);
        let half_full = places.clone().filter(|(_, length, _)| *length >= self.limit / 2);
        let rank = |(before, _, at): &(Break, usize, usize)| (*before, *at);
        half_full
            .max_by_key(rank)
            .or_else(|| places.max_by_key(rank))
            .map_or(self.open.len(), |(_, _, at)| at)
    }
}
