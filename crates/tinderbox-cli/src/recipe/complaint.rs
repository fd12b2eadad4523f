//! What is wrong with a recipe: every fault at once, each underlined where it was written.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use super::document::Sources;

/// Bytes of the longest line that is underlined; miette pads by at most 65,535 columns, and panics beyond.
const MOST_COLUMNS: usize = 8_192;

/// One fault of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Where it was written, in the numbering of the document's sources.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead, if that is known.
    pub help: Option<String>,
}

impl Complaint {
    /// A fault at a place.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to write instead.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn line(&self) -> String {
        match &self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }
}

/// All faults of a recipe.
#[derive(Debug)]
pub struct RecipeErrors {
    name: String,
    reports: Vec<SourceReport>,
}

impl RecipeErrors {
    /// Sorts faults by source and place.
    pub fn new(name: &str, sources: &Sources, mut complaints: Vec<Complaint>) -> Self {
        complaints.sort_by_key(|c| (c.span.start, c.span.end));
        complaints.dedup();
        let mut reports: Vec<SourceReport> = sources
            .iter()
            .map(|source| SourceReport {
                title: source.name.clone(),
                source: NamedSource::new(&source.name, source.text.clone()),
                labels: Vec::new(),
            })
            .collect();
        for complaint in complaints {
            let (index, span) = sources.locate(&complaint.span);
            reports[index].labels.push((span, complaint.line()));
        }
        reports.retain(|report| !report.labels.is_empty());
        Self {
            name: name.to_string(),
            reports,
        }
    }

    /// Whether the faults can be underlined in their sources; else [`lines`](Self::lines) tells of them.
    pub fn can_be_underlined(&self) -> bool {
        self.reports.iter().all(|report| {
            let mut lines = report.source.inner().lines();
            lines.all(|line| line.len() <= MOST_COLUMNS)
        })
    }

    /// Each fault as one line, with the source, line and column it was written at.
    pub fn lines(&self) -> Vec<String> {
        let located = |report: &SourceReport, span: &Range<usize>| {
            let before = &report.source.inner()[..span.start];
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("{}:{line}:{column}", report.title)
        };
        self.reports
            .iter()
            .flat_map(|report| {
                report
                    .labels
                    .iter()
                    .map(move |(span, text)| format!("{}: {text}", located(report, span)))
            })
            .collect()
    }
}

impl fmt::Display for RecipeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.reports.iter().map(|report| report.labels.len()).sum();
        let noun = if count == 1 { "error" } else { "errors" };
        write!(f, "{count} {noun} in recipe `{}`", self.name)
    }
}

impl std::error::Error for RecipeErrors {}

impl Diagnostic for RecipeErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.reports.iter().map(|report| report as &dyn Diagnostic),
        ))
    }
}

/// The faults of one source.
#[derive(Debug)]
struct SourceReport {
    title: String,
    source: NamedSource<String>,
    labels: Vec<(Range<usize>, String)>,
}

impl fmt::Display for SourceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}", self.title)
    }
}

impl std::error::Error for SourceReport {}

impl Diagnostic for SourceReport {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().map(|(span, text)| {
            LabeledSpan::at(span.clone(), text.clone())
        })))
    }
}
