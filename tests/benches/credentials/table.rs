//! The lines of the report, and whether a limit was missed.

use std::process::ExitCode;

/// Which side of a limit is the good one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// A report in the making.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Line>);

#[derive(Debug)]
struct Line {
    what: String,
    detail: String,
    value: f64,
    unit: &'static str,
    limit: Limit,
}

impl Table {
    /// Adds a line. `unit` is `×` for ratios.
    pub(crate) fn add(&mut self, what: &str, detail: String, value: f64, unit: &'static str, limit: Limit) {
        self.0.push(Line {
            what: what.to_owned(),
            detail,
            value,
            unit,
            limit,
        });
    }

    /// Prints it as Markdown; failure if a limit was missed.
    #[expect(clippy::print_stdout, reason = "the report is what a benchmark is for")]
    pub(crate) fn print(&self) -> ExitCode {
        println!("| what | measured | limit | | in absolute numbers, this run |\n|---|---|---|---|---|");
        let mut missed = 0;
        for line in &self.0 {
            let (sign, limit, good) = match line.limit {
                Limit::AtLeast(limit) => ("≥", limit, line.value >= limit),
                Limit::AtMost(limit) => ("≤", limit, line.value <= limit),
            };
            missed += u32::from(!good);
            let (value, unit, mark) = (line.value, line.unit, if good { "met" } else { "**missed**" });
            println!(
                "| {} | {value:.2} {unit} | {sign} {limit} {unit} | {mark} | {} |",
                line.what, line.detail
            );
        }
        if missed > 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// The median of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
