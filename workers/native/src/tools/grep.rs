//! `grep`: lines by a regular expression, with ripgrep's searcher.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;

use globset::GlobMatcher;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, MmapChoice, Searcher, SearcherBuilder, Sink, SinkContext, SinkMatch};
use serde::Deserialize;

use super::arguments::{counted, one_line, parse, quoted};
use super::place::{Place, Places};
use super::stop::Stop;
use super::{Kind, Prepared, Work, glob, looking, open, spec, walk};

/// Bytes of an answer.
const ANSWER_BYTES: usize = 32 * 1024;
/// Bytes of a line.
const LINE_BYTES: usize = 500;
/// Lines around a match.
const MOST_CONTEXT: usize = 20;
/// The longest line that is searched: from there on a file counts as data.
const LONGEST_LINE: usize = 1024 * 1024;
/// Lines around a match are held, too.
const HEAP_BYTES: usize = 16 * 1024 * 1024;
/// The size of a compiled expression. Its product with the longest line is what a search takes that nothing can interrupt.
const PROGRAM_BYTES: usize = 4 * 1024 * 1024;
/// What the searched text makes of the expression is kept, to be faster; it is thrown away beyond this size.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    path: Option<String>,
    glob: Option<String>,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    context: usize,
    #[serde(default)]
    output: Output,
}

/// What is shown of a file with matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Output {
    #[default]
    Lines,
    Files,
    Count,
}

/// A search that was checked.
#[derive(Debug)]
pub(super) struct Grep {
    place: Place,
    matcher: RegexMatcher,
    names: Option<GlobMatcher>,
    context: usize,
    output: Output,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let arguments: Arguments = parse(spec::GREP, arguments)?;
    let pattern = &arguments.pattern;
    let place = places.to_read(arguments.path.as_deref().unwrap_or("."))?;
    if !place.path.is_dir() {
        open::file(&place.path).map_err(|error| format!("`{}` can't be searched: {error}", place.shown))?;
    }
    let matcher = RegexMatcherBuilder::new()
        .case_insensitive(arguments.ignore_case)
        .line_terminator(Some(b'\n'))
        .size_limit(PROGRAM_BYTES)
        .dfa_size_limit(CACHE_BYTES)
        .build(pattern)
        .map_err(|error| {
            format!("the pattern is not a regular expression that can be searched for: {error}")
        })?;
    let grep = Grep {
        place: place.clone(),
        matcher,
        names: arguments.glob.as_deref().map(glob::matcher).transpose()?,
        context: arguments.context.min(MOST_CONTEXT),
        output: arguments.output,
    };
    let input = shown(&arguments, &place);
    Ok(looking(
        Kind::Search,
        "search in",
        "Always search in and below this place",
        &place,
        input,
        Work::Grep(grep),
    ))
}

/// Exactly what is searched for: the pattern, and below it whatever narrows or widens the search.
fn shown(arguments: &Arguments, place: &Place) -> String {
    let mut shown = format!("{}\nin: {}", one_line(&arguments.pattern), place.shown);
    let context = arguments.context.min(MOST_CONTEXT);
    // Writing into a string can't fail.
    if let Some(names) = &arguments.glob {
        let _ = write!(shown, "\nfiles: {}", one_line(names));
    }
    if arguments.ignore_case {
        shown.push_str("\nignoring case");
    }
    if context > 0 {
        let _ = write!(shown, "\nwith {} around each match", counted(context, "line"));
    }
    shown.push_str(match arguments.output {
        Output::Lines => "\nshows: lines",
        Output::Files => "\nshows: names of files",
        Output::Count => "\nshows: counts of lines",
    });
    shown
}

impl Grep {
    pub(super) fn perform(&self, places: &Places, stop: &Stop) -> Result<String, String> {
        let workspace = places.workspace()?;
        let mut searcher = SearcherBuilder::new()
            .binary_detection(BinaryDetection::quit(0))
            .memory_map(MmapChoice::never())
            .heap_limit(Some(HEAP_BYTES))
            .before_context(self.context)
            .after_context(self.context)
            .build();
        let mut answer = String::new();
        let (mut passed_over, mut too_long) = (0_usize, 0_usize);
        let end = walk::files(places, &self.place, stop, |file| {
            let path = file.path;
            let beneath = path.strip_prefix(&self.place.path).unwrap_or(path);
            let wanted = self.names.as_ref();
            if !wanted.is_none_or(|names| names.is_match(beneath) || self.place.path == path) {
                return true;
            }
            let shown = path.strip_prefix(&workspace).unwrap_or(path);
            match self.search(&mut searcher, file, shown, &mut answer, stop) {
                // The walk says so.
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(error) if error.kind() == LINE_TOO_LONG => too_long += 1,
                Err(_) => passed_over += 1,
                Ok(()) => {}
            }
            answer.len() < ANSWER_BYTES
        });
        let end = end.map_err(|error| format!("could not look into `{}`: {error}", self.place.shown))?;
        if answer.is_empty() {
            answer.push_str("[no line matches]\n");
        }
        if too_long > 0 {
            // Writing into a string can't fail.
            let _ = writeln!(
                answer,
                "[searched only up to a line that is too long, more than {} MiB: {}]",
                LONGEST_LINE / 1024 / 1024,
                counted(too_long, "file")
            );
        }
        if passed_over > 0 {
            // Writing into a string can't fail.
            let _ = writeln!(
                answer,
                "[passed over, as they could not be read: {}]",
                counted(passed_over, "file")
            );
        }
        answer.extend(end.words("there are more matches than fit into an answer"));
        Ok(answer)
    }

    fn search(
        &self,
        searcher: &mut Searcher,
        file: walk::Found<'_>,
        shown: &Path,
        answer: &mut String,
        stop: &Stop,
    ) -> io::Result<()> {
        let file = ShortLines {
            inner: stop.reader(file.open()?),
            length: 0,
        };
        let mut found = Found {
            lines: String::new(),
            count: 0,
            shown: quoted(shown),
            room: ANSWER_BYTES.saturating_sub(answer.len()),
            output: self.output,
            stop,
        };
        let ended = searcher.search_reader(&self.matcher, file, &mut found);
        match self.output {
            _ if found.count == 0 => {}
            Output::Lines => answer.push_str(&found.lines),
            // Writing into a string can't fail.
            Output::Files => drop(writeln!(answer, "{}", found.shown)),
            Output::Count => drop(writeln!(answer, "{}: {}", found.shown, found.count)),
        }
        ended
    }
}

/// The error of [`ShortLines`]; no file gives it.
const LINE_TOO_LONG: io::ErrorKind = io::ErrorKind::InvalidData;

/// Reads until a line is longer than [`LONGEST_LINE`].
struct ShortLines<R> {
    inner: R,
    /// Bytes of the line so far.
    length: usize,
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        let mut lines = buffer[..size].split(|byte| *byte == b'\n');
        self.length += lines.next().map_or(0, <[u8]>::len);
        let mut longest = self.length;
        for line in lines {
            self.length = line.len();
            longest = longest.max(self.length);
        }
        if longest > LONGEST_LINE {
            return Err(LINE_TOO_LONG.into());
        }
        Ok(size)
    }
}

/// What one file gave.
struct Found<'a> {
    lines: String,
    count: u64,
    shown: String,
    room: usize,
    output: Output,
    stop: &'a Stop,
}

impl Found<'_> {
    /// `mark` as with grep: `:` behind the number of a line that matches, `-` of one around it.
    fn line(&mut self, number: Option<u64>, mark: char, bytes: &[u8]) {
        let end = bytes.trim_ascii_end();
        let shown = String::from_utf8_lossy(&end[..end.len().min(LINE_BYTES)]);
        let number = number.unwrap_or_default();
        // Writing into a string can't fail.
        let _ = write!(self.lines, "{}{mark}{number}{mark}{shown}", self.shown);
        if end.len() > LINE_BYTES {
            let _ = write!(self.lines, "… [{} more bytes]", end.len() - LINE_BYTES);
        }
        self.lines.push('\n');
    }

    fn wants_more(&self) -> bool {
        let enough = match self.output {
            Output::Lines => self.lines.len() >= self.room,
            Output::Files => self.count > 0,
            Output::Count => false,
        };
        !enough && !self.stop.is_due()
    }
}

impl Sink for Found<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        self.count += 1;
        if self.output == Output::Lines {
            self.line(found.line_number(), ':', found.bytes());
        }
        Ok(self.wants_more())
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> Result<bool, io::Error> {
        if self.output == Output::Lines {
            self.line(context.line_number(), '-', context.bytes());
        }
        Ok(self.wants_more())
    }

    fn context_break(&mut self, _: &Searcher) -> Result<bool, io::Error> {
        if self.output == Output::Lines {
            self.lines.push_str("--\n");
        }
        Ok(true)
    }
}
