//! What the model does with a request: decided from the request alone, and how often it has failed already.

use std::time::Duration;

use super::asked::Asked;
use super::script::{self, Segment, Step, Use};
use super::text;
use super::tools::{self, Call};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// A status instead of an answer.
    Fail { status: u16, retry_after: Option<u64> },
    /// An answer.
    Answer {
        /// Silence before it begins.
        wait: Duration,
        beats: Vec<Beat>,
        /// Whether it breaks off at its end.
        is_cut: bool,
    },
}

/// One thing that an answer does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Beat {
    Thought(String),
    Words { text: String, fast: bool },
    Hold,
    Call(Call),
}

/// Decides. `failed` is how often this very request has failed or was cut already, by its script.
pub(crate) fn play(asked: &Asked, failed: usize) -> Act {
    if let Some(note) = text::note(asked) {
        return answer(vec![said(note)]);
    }
    let Some(segments) = script::parse(&asked.text) else {
        return answer(vec![said(text::greeting(asked))]);
    };
    let (at, done) = position(&segments, asked.results.len());
    let segment = &segments[at];
    let fails = segment.steps.iter().filter_map(|step| match step {
        Step::Fail { status, retry_after } => Some((*status, *retry_after)),
        _ => None,
    });
    let fails: Vec<_> = fails.collect();
    if let Some(&(status, retry_after)) = fails.get(failed) {
        return Act::Fail { status, retry_after };
    }
    let calls: Vec<&Use> = segments[..at]
        .iter()
        .flat_map(|segment| &segment.calls)
        .take(done)
        .collect();
    perform(asked, segment, &calls, failed - fails.len())
}

/// Which reply is next after so many results, and how many of them belong to the script.
fn position(segments: &[Segment], results: usize) -> (usize, usize) {
    let mut done = 0;
    for (at, segment) in segments.iter().enumerate() {
        if segment.calls.is_empty() || done + segment.calls.len() > results {
            return (at, done);
        }
        done += segment.calls.len();
    }
    // The last one has no calls.
    (segments.len() - 1, done)
}

fn perform(asked: &Asked, segment: &Segment, done: &[&Use], cuts_before: usize) -> Act {
    let mut beats = vec![];
    let mut wait = Duration::ZERO;
    let mut cuts = 0;
    for step in &segment.steps {
        match step {
            Step::Think(thought) => beats.push(Beat::Thought(thought.clone())),
            Step::Say(words) => beats.push(said(words.clone())),
            Step::Stream { words, fast } => beats.push(Beat::Words {
                text: text::filler(*words),
                fast: *fast,
            }),
            Step::Slow(time) => wait += *time,
            Step::Hold => beats.push(Beat::Hold),
            Step::Recall => beats.push(said(text::recall(asked))),
            Step::Help => beats.push(said(text::help())),
            Step::Fail { .. } => {}
            Step::Cut { early } => {
                cuts += 1;
                if cuts > cuts_before {
                    if *early {
                        beats.clear();
                    } else if !has_words(&beats) {
                        beats.push(said(text::filler(12)));
                    }
                    return Act::Answer {
                        wait,
                        beats,
                        is_cut: true,
                    };
                }
            }
        }
    }
    for call in &segment.calls {
        match tools::call(call, &asked.tools) {
            Ok(call) => beats.push(Beat::Call(call)),
            // Without a call there is no result, so the script ends here.
            Err(words) => beats.push(said(words)),
        }
    }
    if segment.calls.is_empty() {
        beats.extend(closing(asked, done, has_words(&beats)).map(said));
    }
    Act::Answer {
        wait,
        beats,
        is_cut: false,
    }
}

/// The end of the last reply.
fn closing(asked: &Asked, done: &[&Use], has_words: bool) -> Option<String> {
    let report = (!done.is_empty()).then(|| text::report(done, &asked.results));
    let parts: Vec<String> = [text::attachments(asked), report].into_iter().flatten().collect();
    match (parts.is_empty(), has_words) {
        (true, true) => None,
        (true, false) => Some("Done, as asked.".to_owned()),
        // What was said before is a paragraph of its own.
        (false, true) => Some(format!("\n\n{}", parts.join(" "))),
        (false, false) => Some(parts.join(" ")),
    }
}

fn has_words(beats: &[Beat]) -> bool {
    beats.iter().any(|beat| matches!(beat, Beat::Words { .. }))
}

fn said(text: String) -> Beat {
    Beat::Words { text, fast: false }
}

fn answer(beats: Vec<Beat>) -> Act {
    Act::Answer {
        wait: Duration::ZERO,
        beats,
        is_cut: false,
    }
}

#[cfg(test)]
mod tests;
