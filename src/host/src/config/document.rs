//! The configuration file taken apart: every key is read on its own, so that every fault is found at once, with its line.

use std::collections::BTreeMap;
use std::path::Path;

use credentials::DeclaredVendor;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::expected;
use super::line::Lines;
use super::rehearsal::{ELSEWHERE, is_of_this_machine};
use super::sections::{
    AgentSection, CageSection, CredentialsSection, LimitsSection, LogSection, RehearsalSection, TABLES,
    ThreadsSection, VENDOR_KEYS, WebSection,
};
use super::{NATIVE, Problem};
use crate::slip;

mod discord;

pub(super) use discord::DiscordTables;

/// The library's words for a key or table that was there before.
const DUPLICATE: &str = "duplicate key";

/// What the file says, as far as it can be understood.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) credentials: CredentialsSection,
    pub(super) rehearsal: RehearsalSection,
    pub(super) log: LogSection,
    pub(super) vendors: Vec<Named<DeclaredVendor>>,
    pub(super) agents: Vec<Named<AgentSection>>,
    pub(super) default_agent: Option<(String, TablePlace)>,
    pub(super) web: WebSection,
    pub(super) threads: ThreadsSection,
    pub(super) limits: LimitsSection,
    pub(super) cage: CageSection,
    pub(super) discord: Option<DiscordTables>,
    /// The lines of the tables that have one place each.
    pub(super) places: BTreeMap<String, TablePlace>,
}

/// One table of many of its kind, such as `[vendors.NAME]`, and where it stands.
#[derive(Debug)]
pub(super) struct Named<T> {
    pub(super) name: String,
    pub(super) declared: T,
    /// Where faults of the whole table, and of its keys, are told.
    pub(super) place: TablePlace,
}

/// The lines of a table and its keys.
#[derive(Debug)]
pub(super) struct TablePlace {
    file: std::path::PathBuf,
    path: String,
    line: usize,
    keys: BTreeMap<String, usize>,
}

impl TablePlace {
    /// A fault of the table, or of a key in it.
    pub(super) fn problem(&self, key: Option<&str>, what: impl Into<String>) -> Problem {
        match key.and_then(|key| Some((key, self.keys.get(key)?))) {
            Some((key, line)) => Problem::at_line(&self.file, *line, format!("{}.{key}", self.path), what),
            None => Problem::at_line(&self.file, self.line, &self.path, what),
        }
    }

    /// Whether the key is written there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }
}

type Entry<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// Reads the file.
pub(super) fn read(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Document {
    let lines = Lines::of(text);
    Reader {
        file,
        lines,
        problems,
    }
    .document(text)
}

struct Reader<'a> {
    file: &'a Path,
    lines: Lines<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self, text: &str) -> Document {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = self
                .lines
                .line_and_column(error.span().map_or(0, |span| span.start));
            let problem = match error.span().and_then(|span| text.get(span)) {
                Some(key) if error.message() == DUPLICATE => {
                    Problem::syntax(self.file, at, format!("`{key}` stands there a second time"))
                        .hint("keep one of the two, with what both say")
                }
                _ => Problem::syntax(self.file, at, plain(error.message())),
            };
            self.problems.push(problem);
        }
        // What follows a syntax error is guesswork.
        if !errors.is_empty() {
            return Document::default();
        }
        let mut document = Document::default();
        for entry in root.get_ref() {
            match &**entry.0.get_ref() {
                "credentials" => document.credentials = self.section(entry, CredentialsSection::KEYS),
                "rehearsal" => {
                    document.rehearsal = self.section(entry, RehearsalSection::KEYS);
                    self.check_rehearsal(entry, &mut document.rehearsal);
                }
                "log" => {
                    document.log = self.section(entry, LogSection::KEYS);
                    self.check_filter(entry, &mut document.log);
                }
                "web" => {
                    document.web = self.section(entry, WebSection::KEYS);
                    document.places.insert("web".to_owned(), self.place(entry, "web"));
                }
                "threads" => document.threads = self.section(entry, ThreadsSection::KEYS),
                "limits" => document.limits = self.section(entry, LimitsSection::KEYS),
                "discord" => document.discord = self.discord(entry),
                "cage" => {
                    document.cage = self.section(entry, CageSection::KEYS);
                    document
                        .places
                        .insert("cage".to_owned(), self.place(entry, "cage"));
                }
                "vendors" => document.vendors = self.named(entry, VENDOR_KEYS),
                "agents" => document.agents = self.named(entry, AgentSection::KEYS),
                "default_agent" => document.default_agent = self.name(entry),
                other => {
                    let line = self.lines.line(entry.0.span().start);
                    self.unknown(line, "", other, TABLES);
                }
            }
        }
        document
    }

    /// A table whose keys are all optional.
    fn section<T: DeserializeOwned + Default>(&mut self, entry: Entry<'_, '_>, known: &[&str]) -> T {
        let path = entry.0.get_ref().to_string();
        match self.table(entry, &path) {
            Some(table) => self.keys(table, &path, known).unwrap_or_default(),
            None => T::default(),
        }
    }

    /// Tables of one kind, each with a name.
    fn named<T: DeserializeOwned>(&mut self, entry: Entry<'_, '_>, known: &[&str]) -> Vec<Named<T>> {
        let kind = entry.0.get_ref().to_string();
        let Some(table) = self.table(entry, &kind) else {
            return vec![];
        };
        self.each(table, &kind, known)
    }

    fn each<'a, 'i: 'a, T: DeserializeOwned>(
        &mut self,
        entries: impl IntoIterator<Item = Entry<'a, 'i>>,
        kind: &str,
        known: &[&str],
    ) -> Vec<Named<T>> {
        let mut all = Vec::new();
        for entry in entries {
            let name = entry.0.get_ref().to_string();
            let path = format!("{kind}.{name}");
            let Some(table) = self.table(entry, &path) else {
                continue;
            };
            if let Some(declared) = self.keys(table, &path, known) {
                let place = self.place(entry, &path);
                all.push(Named {
                    name,
                    declared,
                    place,
                });
            }
        }
        all
    }

    /// A key at the top whose value is a name.
    fn name(&mut self, entry: Entry<'_, '_>) -> Option<(String, TablePlace)> {
        let path = entry.0.get_ref().to_string();
        let place = self.place(entry, &path);
        if let Some(text) = entry.1.get_ref().as_str() {
            return Some((text.to_owned(), place));
        }
        self.problems
            .push(place.problem(None, "must be a name in quotation marks"));
        None
    }

    /// Where a table and its keys stand.
    fn place(&self, entry: Entry<'_, '_>, path: &str) -> TablePlace {
        let keys = entry.1.get_ref().as_table().into_iter().flat_map(|table| {
            table
                .iter()
                .map(|(key, _)| (key.get_ref().to_string(), self.lines.line(key.span().start)))
        });
        TablePlace {
            file: self.file.to_owned(),
            line: self.lines.line(entry.0.span().start),
            path: path.to_owned(),
            keys: keys.collect(),
        }
    }

    /// Reads each key on its own; the value is what the good ones make together.
    fn keys<T: DeserializeOwned>(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) -> Option<T> {
        let mut good = DeTable::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let line = self.lines.line(key.span().start);
            if !known.contains(&name.as_str()) {
                self.unknown(line, path, &name, known);
                continue;
            }
            let mut alone = DeTable::new();
            alone.insert(key.clone(), value.clone());
            match deserialize::<T>(alone) {
                Ok(_) => {
                    good.insert(key.clone(), value.clone());
                }
                Err(what) => {
                    let words = expected::in_words(&what, value.get_ref());
                    let is_librarys = words != what;
                    let problem = Problem::at_line(self.file, line, format!("{path}.{name}"), words);
                    let example = expected::example(path, &name).filter(|_| is_librarys);
                    self.problems.push(match example {
                        Some(example) => problem.hint(format!("as in `{example}`")),
                        None => problem,
                    });
                }
            }
        }
        deserialize(good).ok()
    }

    fn table<'a, 'i>(&mut self, entry: Entry<'a, 'i>, path: &str) -> Option<&'a DeTable<'i>> {
        let (key, value) = entry;
        let table = value.get_ref().as_table();
        if table.is_none() {
            let line = self.lines.line(key.span().start);
            let what = format!("is {}, not a table", with_article(value.get_ref().type_str()));
            self.problems
                .push(Problem::at_line(self.file, line, path, what).hint(format!("write `[{path}]`")));
        }
        table
    }

    fn unknown(&mut self, line: usize, path: &str, name: &str, known: &[&str]) {
        let (kind, key) = if path.is_empty() {
            ("table or key", name.to_owned())
        } else {
            ("key", format!("{path}.{name}"))
        };
        // One key is known only to be refused with a reason.
        let known: Vec<&str> = known
            .iter()
            .copied()
            .filter(|key| (path, *key) != ("discord", "token"))
            .collect();
        let nearest = slip::meant(name, known.iter().copied());
        let hint = match (path.strip_prefix("agents."), nearest) {
            (Some(agent), _) if is_key(name) => key_hint(agent),
            (None, _) if path.is_empty() && AgentSection::KEYS.contains(&name) => {
                format!(
                    "`{name}` belongs to an agent: a line such as `[agents.{NATIVE}]` above it is missing, or still commented out"
                )
            }
            (_, Some(known)) => format!("did you mean `{known}`?"),
            (_, None) => format!("known: {}", known.join(", ")),
        };
        self.problems
            .push(Problem::at_line(self.file, line, key, format!("unknown {kind}")).hint(hint));
    }

    fn check_filter(&mut self, entry: Entry<'_, '_>, log: &mut LogSection) {
        let Some(what) = log.filter.as_deref().and_then(crate::log::problem) else {
            return;
        };
        log.filter = None;
        let line = self.line_of(entry, "filter");
        self.problems.push(
            Problem::at_line(self.file, line, "log.filter", what).hint("as in `info,credentials=debug`"),
        );
    }

    fn check_rehearsal(&mut self, entry: Entry<'_, '_>, section: &mut RehearsalSection) {
        if section.url.as_ref().is_none_or(is_of_this_machine) {
            return;
        }
        section.url = None;
        let line = self.line_of(entry, "url");
        self.problems
            .push(Problem::at_line(self.file, line, "rehearsal.url", ELSEWHERE));
    }

    /// The line of a key's value in a table.
    fn line_of(&self, entry: Entry<'_, '_>, key: &str) -> usize {
        let value = entry.1.get_ref().as_table().and_then(|table| table.get(key));
        self.lines.line(value.map_or(0, |value| value.span().start))
    }
}

/// Whether somebody looks for the place of an API key.
fn is_key(name: &str) -> bool {
    let name = name.to_lowercase().replace(['-', '_'], "");
    [
        "key",
        "apikey",
        "token",
        "apitoken",
        "authtoken",
        "keyenv",
        "apikeyenv",
        "keyfile",
        "apikeyfile",
    ]
    .contains(&name.as_str())
}

/// How an agent gets a key: this file is shown, copied and backed up.
fn key_hint(agent: &str) -> String {
    format!(
        "a key never stands in this file: write `[vendors.{agent}]` with `grant = \"api-key\"` and `key_env = \"…\"`, the NAME of \
         the variable that holds it, and `tenant = \"{agent}\"` in `[agents.{agent}]`; beside `command` it is \
         `env = {{ … = {{ from_env = \"…\" }} }}`"
    )
}

fn deserialize<T: DeserializeOwned>(table: DeTable<'_>) -> Result<T, String> {
    let deserializer = toml::de::Deserializer::from(Spanned::new(0..0, table));
    T::deserialize(deserializer).map_err(|error| plain(error.message()))
}

/// A library's message on one line.
fn plain(message: &str) -> String {
    message.trim().replace('\n', "; ")
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}
