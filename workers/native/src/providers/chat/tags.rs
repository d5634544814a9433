//! Thoughts that come as words, between tags at the beginning of an answer: servers without a parser for their model's reasoning
//! send them so.

/// What begins and what ends a thought.
const TAGS: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
];

/// A piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Words.
    Words(String),
    /// A thought.
    Thought(String),
}

/// Tells thoughts from words. A tag may come in pieces; what may be the beginning of one is held back.
#[derive(Debug, Default)]
pub(super) struct Tags {
    state: State,
    held: String,
    has_thought: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// Nothing was said yet.
    #[default]
    Begin,
    /// In a thought, until this.
    Thought(&'static str),
    /// Words have come: no tag counts any more.
    Words,
}

impl Tags {
    /// Takes more of the answer.
    pub(super) fn push(&mut self, delta: &str) -> Vec<Piece> {
        let mut pieces = vec![];
        self.held.push_str(delta);
        loop {
            match self.state {
                State::Begin => {
                    let begun = self.held.trim_start();
                    if let Some((open, close)) = TAGS.iter().find(|(open, _)| begun.starts_with(open)) {
                        self.held = begun[open.len()..].to_owned();
                        self.state = State::Thought(close);
                        self.has_thought = true;
                    } else if TAGS.iter().any(|(open, _)| open.starts_with(begun)) {
                        return pieces;
                    } else {
                        self.state = State::Words;
                    }
                }
                State::Thought(close) => {
                    let end = self.held.find(close);
                    let rest = match end {
                        Some(at) => self.held.split_off(at)[close.len()..].to_owned(),
                        None => self.held.split_off(self.held.len() - half(&self.held, close)),
                    };
                    let thought = std::mem::replace(&mut self.held, rest);
                    if !thought.is_empty() {
                        pieces.push(Piece::Thought(thought));
                    }
                    if end.is_none() {
                        return pieces;
                    }
                    self.state = State::Begin;
                }
                State::Words => {
                    pieces.extend(self.words());
                    return pieces;
                }
            }
        }
    }

    /// The answer is over: what was held back was no tag.
    pub(super) fn finish(&mut self) -> Option<Piece> {
        match self.state {
            State::Thought(_) => {
                let thought = std::mem::take(&mut self.held);
                (!thought.is_empty()).then_some(Piece::Thought(thought))
            }
            State::Begin | State::Words => self.words(),
        }
    }

    /// What is held, as words. Behind a thought they begin with themselves.
    fn words(&mut self) -> Option<Piece> {
        let held = std::mem::take(&mut self.held);
        let words = if std::mem::take(&mut self.has_thought) {
            held.trim_start().to_owned()
        } else {
            held
        };
        (!words.is_empty()).then_some(Piece::Words(words))
    }
}

/// How many bytes at the end of a text may be the beginning of this tag.
fn half(text: &str, tag: &str) -> usize {
    let most = tag.len() - 1;
    let lengths = (1..=most.min(text.len())).rev();
    lengths
        .into_iter()
        .find(|length| text.ends_with(&tag[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thoughts and words of an answer that comes in these pieces.
    fn told(pieces: &[&str]) -> (String, String) {
        let mut tags = Tags::default();
        let mut told = (String::new(), String::new());
        let mut all: Vec<Piece> = pieces.iter().flat_map(|piece| tags.push(piece)).collect();
        all.extend(tags.finish());
        for piece in all {
            match piece {
                Piece::Thought(text) => told.0.push_str(&text),
                Piece::Words(text) => told.1.push_str(&text),
            }
        }
        told
    }

    #[test]
    fn a_thought_at_the_beginning_is_told_from_the_answer_wherever_it_is_cut() {
        for (answer, thought, words) in [
            ("<think>hm ä</think>\n\nyes", "hm ä", "yes"),
            ("\n<think>a</think>\n<thinking>b</thinking> c", "ab", "c"),
            ("<thought>1 < 2</thought>x </think>", "1 < 2", "x </think>"),
            ("<reasoning>never ends</reas", "never ends</reas", ""),
            ("<think></think>", "", ""),
            ("say `<think>` to me", "", "say `<think>` to me"),
            ("x <think>y</think>", "", "x <think>y</think>"),
            ("<thin", "", "<thin"),
            ("<thinner>", "", "<thinner>"),
            (" \n", "", " \n"),
            ("", "", ""),
        ] {
            let expected = (thought.to_owned(), words.to_owned());
            assert_eq!(told(&[answer]), expected, "{answer}");
            for (cut, _) in answer.char_indices() {
                let (first, second) = answer.split_at(cut);
                assert_eq!(told(&[first, second]), expected, "{answer} cut at {cut}");
            }
            let letters: Vec<String> = answer.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(told(&letters), expected, "{answer} letter by letter");
        }
    }
}
