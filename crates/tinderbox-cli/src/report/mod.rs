//! `report.html`: everything worth seeing of a run in one file that needs no network.

mod chart;
mod test_part;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;
use tinderbox::data::Ledger;
use tinderbox::train::LabelEfficiency;
use tinderbox::transfer::{Better, FigureKind};

use crate::comparison;
use crate::error::CliError;
use crate::table::{duration, figure, tidy};
use chart::{Series, colour, line_chart};
pub use test_part::TestReport;

/// The name of the report in a run directory.
pub const REPORT: &str = "report.html";

/// What charts are called and explained by, in order; the first part of a name that fits decides.
const TITLES: &[(&str, &str, &str)] = &[
    ("loss", "Loss", "What is minimised."),
    (
        "knn",
        "Nearest neighbours",
        "Accuracy of a vote among the nearest training items.",
    ),
    (
        "probe",
        "Linear probe",
        "Accuracy of a linear model on frozen features.",
    ),
    (
        "contrast_accuracy",
        "Contrast accuracy",
        "How often a view finds its partner in the batch.",
    ),
    (
        "exact_match",
        "Exact match",
        "Share of the answers that are right to the word.",
    ),
    ("f1", "F1", "Precision and recall in one."),
    ("accuracy", "Accuracy", "Share that is classified right."),
    (
        "embedding_std",
        "Embedding spread",
        "Near 0: the features collapse to a point.",
    ),
    (
        "effective_rank",
        "Effective rank",
        "How many directions the features use.",
    ),
    (
        "alignment",
        "Alignment",
        "Distance between two views of an item; lower is closer.",
    ),
    (
        "uniformity",
        "Uniformity",
        "How evenly features cover the sphere; lower is more even.",
    ),
    ("grad", "Gradient norm", "Before clipping."),
    (
        "steps_per_second",
        "Speed",
        "Steps a second since the session began.",
    ),
    (
        "waiting_share",
        "Waiting for data",
        "Share of the time in steps; above 0.02, add threads.",
    ),
    ("rate", "Learning rate", "After warm-up and schedule."),
];

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Figure {
    /// Updates of the weights done.
    pub step: u64,
    /// Such as `train` or `eval`.
    pub phase: String,
    /// Such as `loss`.
    pub name: String,
    /// The figure; none where it was not finite.
    pub value: Option<f64>,
    /// Seconds since the process began.
    #[serde(default)]
    pub seconds: f64,
}

/// What a report is made from. All parts but the name may be empty.
#[derive(Debug, Clone, Default)]
pub struct ReportData {
    /// Name of the run.
    pub name: String,
    /// Lines of `metrics.jsonl` and `timing.jsonl`.
    pub figures: Vec<Figure>,
    /// `resolved.toml`.
    pub recipe: toml::Table,
    /// `env.json`.
    pub environment: serde_json::Value,
    /// `data.json`; its list `skipped` has a table of its own.
    pub data: serde_json::Value,
    /// `comparison.json`.
    pub comparison: Option<LabelEfficiency>,
    /// `test.json`.
    pub test: Option<TestReport>,
}

impl ReportData {
    /// Reads a run directory. Files that are not there, and lines that do not parse, are left out.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub fn read(run: &Path) -> Result<Self, CliError> {
        let text = |name: &str| -> Result<String, CliError> {
            let path = run.join(name);
            match fs::read(&path) {
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
                Err(error) => Err(CliError::reading(&path)(error)),
            }
        };
        let json = |text: String| serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
        // Figures that depend on the clock have a file of their own.
        let lines = text("metrics.jsonl")? + &text("timing.jsonl")?;
        let name = run
            .file_name()
            .unwrap_or(run.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            name,
            figures: lines
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
            recipe: text("resolved.toml")?.parse().unwrap_or_default(),
            environment: json(text("env.json")?),
            data: json(text("data.json")?),
            comparison: serde_json::from_str(&text("comparison.json")?).ok(),
            test: serde_json::from_str(&text("test.json")?).ok(),
        })
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let last = self
            .figures
            .iter()
            .map(|figure| figure.step)
            .max()
            .unwrap_or(0);
        let seconds = self
            .figures
            .iter()
            .map(|figure| figure.seconds)
            .fold(0.0, f64::max);
        document(
            &format!("{} - Tinderbox", self.name),
            html! {
                h1 { (self.name) }
                p { (last) " steps, " (duration(seconds)) " in the last session." }
                @if let Some(comparison) = &self.comparison { (comparison_section(comparison)) }
                @if let Some(test) = &self.test { (test.section()) }
                (self.charts())
                (ledger(&self.ledger()))
                @let skipped = self.data.get("skipped").and_then(|s| s.as_array());
                @if let Some(skipped) = skipped { (skipped_section(skipped)) }
                h2 { "Recipe" }
                (pairs(&flat_toml(&self.recipe)))
                @if !self.data.is_null() { h2 { "Data" } (pairs(&flat_json(&self.data))) }
                @if !self.environment.is_null() {
                    h2 { "Environment" }
                    (pairs(&flat_json(&self.environment)))
                }
            },
        )
    }

    /// The ledger in `data.json`.
    fn ledger(&self) -> Ledger {
        let ledger = self.data.get("ledger").cloned();
        ledger
            .and_then(|ledger| serde_json::from_value(ledger).ok())
            .unwrap_or_default()
    }

    fn charts(&self) -> Markup {
        let charts = charts(&self.figures);
        html! {
            @if charts.is_empty() { p { "No figures were written." } }
            div.charts {
                @for chart in &charts {
                    figure {
                        figcaption {
                            strong { (chart.title) } " " span.soft { (chart.hint) }
                            @if chart.series.len() > 1 {
                                br;
                                @for (index, series) in chart.series.iter().enumerate() {
                                    span style=(format!("color:{}", colour(index))) { "\u{25cf} " }
                                    (series.name) " "
                                }
                            }
                        }
                        // The text in it is numbers of ours, written by the plotter.
                        (PreEscaped(line_chart(&chart.series)))
                        @if let Some((_, value)) = chart.series[0].points.last() {
                            p.soft { "last: " (figure(&chart.name, *value)) (chart.best()) }
                        }
                    }
                }
            }
        }
    }
}

/// A page in the style of all pages, whole.
pub fn document(title: &str, body: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// Makes the report of a run directory and writes it there, whole or not at all.
///
/// # Errors
/// If a file cannot be read or written.
pub fn write_report(run: &Path) -> Result<(), CliError> {
    let page = ReportData::read(run)?.to_html();
    let path = run.join(REPORT);
    let temporary = run.join(".report.html.tmp");
    fs::write(&temporary, page).map_err(CliError::writing(&temporary))?;
    fs::rename(&temporary, &path).map_err(CliError::writing(&path))
}

struct Chart {
    name: String,
    title: String,
    hint: &'static str,
    series: Vec<Series>,
}

impl Chart {
    /// The best value of an evaluation, if one way is better. A step's figures are of one batch, and the best of those is luck.
    fn best(&self) -> String {
        let series = &self.series[0];
        let (true, Some(better)) = (series.name == "eval", FigureKind::of(&self.name).better)
        else {
            return String::new();
        };
        let better_of =
            |best: (f64, f64), other: (f64, f64)| match better.is_better(other.1, best.1) {
                true => other,
                false => best,
            };
        let best = series.points.iter().copied().reduce(better_of);
        let way = match better {
            Better::Higher => "higher",
            Better::Lower => "lower",
        };
        best.map_or(String::new(), |(step, value)| {
            let value = figure(&self.name, value);
            format!(", best: {value} at step {} ({way} is better)", tidy(step))
        })
    }
}

/// One chart a figure's name, the known ones first and in their order.
fn charts(figures: &[Figure]) -> Vec<Chart> {
    type Phases<'a> = BTreeMap<&'a str, Vec<(f64, f64)>>;
    let mut by_name: BTreeMap<(usize, &str), Phases> = BTreeMap::new();
    for figure in figures {
        let known = TITLES
            .iter()
            .position(|(part, _, _)| figure.name.contains(part));
        let order = known.unwrap_or(TITLES.len());
        let points = by_name.entry((order, &figure.name)).or_default();
        let value = figure.value.unwrap_or(f64::NAN);
        points
            .entry(&figure.phase)
            .or_default()
            .push((figure.step as f64, value));
    }
    by_name
        .into_iter()
        .map(|((order, name), phases)| {
            let known = TITLES.get(order);
            let title = match known {
                Some((part, title, _)) if *part == name => title.to_string(),
                Some((_, title, _)) => format!("{title} ({name})"),
                None => name.to_string(),
            };
            let series = phases
                .into_iter()
                .map(|(phase, points)| Series {
                    name: phase.to_string(),
                    points,
                })
                .collect();
            Chart {
                name: name.to_string(),
                title,
                hint: known.map_or("", |(_, _, hint)| hint),
                series,
            }
        })
        .collect()
}

/// What of some data is not used as it was given; nothing if all is.
pub fn ledger(ledger: &Ledger) -> Markup {
    html! {
        @if !ledger.is_empty() {
            h2 { "Not used as given" }
            ul { @for remark in ledger.remarks() { li { (remark) } } }
        }
    }
}

fn comparison_section(comparison: &LabelEfficiency) -> Markup {
    html! {
        h2 { "What pre-training is worth" }
        (table(comparison::cells(comparison)))
        p.soft { (comparison::caption(comparison)) }
        @if let Some(cells) = comparison::balanced_cells(comparison) { (table(cells)) }
        (table(comparison::lead_cells(comparison)))
        p.soft { "Differences on the same draws of labels, with their 95 % intervals." }
    }
}

fn table((heading, rows): (Vec<String>, Vec<Vec<String>>)) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { @for cell in &heading { th { (cell) } } } }
            tbody { @for row in &rows { tr { @for cell in row { td { (cell) } } } } }
        } }
    }
}

fn skipped_section(skipped: &[serde_json::Value]) -> Markup {
    let field = |item: &serde_json::Value, name: &str| match item.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    html! {
        @if !skipped.is_empty() {
            h2 { "Skipped items" }
            p { (skipped.len()) " item(s) could not be read and were replaced by their neighbours." }
            div.scroll { table {
                thead { tr { th { "index" } th { "reason" } } }
                tbody {
                    @for item in skipped {
                        tr { @for name in ["index", "reason"] { td { (field(item, name)) } } }
                    }
                }
            } }
        }
    }
}

fn pairs(pairs: &[(String, String)]) -> Markup {
    html! {
        div.scroll { table.pairs {
            tbody { @for (key, value) in pairs { tr { th { (key) } td { code { (value) } } } } }
        } }
    }
}

fn flat_toml(table: &toml::Table) -> Vec<(String, String)> {
    let json = serde_json::to_value(table).unwrap_or_default();
    flat_json(&json)
}

/// Dotted keys and values; lists of objects are left to sections of their own.
fn flat_json(value: &serde_json::Value) -> Vec<(String, String)> {
    fn walk(path: &str, value: &serde_json::Value, found: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    let dotted = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(&dotted, value, found);
                }
            }
            serde_json::Value::Array(items) if items.iter().any(|item| item.is_object()) => {}
            serde_json::Value::String(text) => found.push((path.to_string(), text.clone())),
            other => found.push((path.to_string(), other.to_string())),
        }
    }
    let mut found = Vec::new();
    walk("", value, &mut found);
    found
}

const STYLE: &str = "
:root { color-scheme: light dark; --soft: #667; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --soft: #99a; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1140px; margin: 2rem auto; padding: 0 1rem; }
h1 { overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; }
.soft { color: var(--soft); font-weight: normal; font-size: .875rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figure p { margin: 0; text-align: right; }
svg { width: 100%; height: auto; }
svg text { fill: currentColor; font-family: inherit; }
svg [stroke='#000000'] { stroke: currentColor; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.pairs th { font-weight: normal; color: var(--soft); }
td, code { overflow-wrap: anywhere; }
pre { overflow-x: auto; }
.sheet { image-rendering: pixelated; max-width: 100%; }
.bars { width: 100%; } .bars th, .bars td { border: 0; padding: 0 .5rem 0 0; white-space: nowrap; font-weight: normal; }
.bars td:nth-child(2) { width: 70%; } .bar { background: #1F8AD6; height: .8rem; } .bars .count { text-align: right; }
";

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(step: u64, phase: &str, name: &str, value: Option<f64>) -> Figure {
        Figure {
            step,
            phase: phase.into(),
            name: name.into(),
            value,
            seconds: step as f64,
        }
    }

    #[test]
    fn a_page_is_whole_and_escapes_what_comes_from_outside() {
        let mut figures = Vec::new();
        for step in 0..20 {
            figures.push(figure(step, "train", "loss", Some(1.0 / (step + 1) as f64)));
            figures.push(figure(step, "eval", "knn/accuracy", Some(0.9)));
            figures.push(figure(step, "train", "<b>odd</b>", None));
        }
        let data = ReportData {
            name: "run <script>alert(1)</script>".into(),
            figures,
            recipe: "seed = 3\n[optim]\nlr = 0.1\n".parse().unwrap(),
            environment: serde_json::json!({"cpu": "<x>"}),
            data: serde_json::json!({
                "items": 3,
                "skipped": [{"index": 1, "reason": "a<b>.png: cut short"}]
            }),
            comparison: Some(crate::comparison::tests::example()),
            test: None,
        };
        let page = data.to_html();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        for part in ["<b>odd", "<script", "a<b>", "<x>"] {
            assert!(!page.contains(part), "{part} is not escaped");
        }
        for part in [
            "Loss",
            "Nearest neighbours (knn/accuracy)",
            "optim.lr",
            "cut short",
            "83.0 ± 2.5",
        ] {
            assert!(page.contains(part), "{part} is missing");
        }
        let loads = ["src=", "href=", "url(", "@import"];
        assert!(
            loads.iter().all(|load| !page.contains(load)),
            "the page loads something"
        );
    }

    #[test]
    fn an_empty_or_torn_run_directory_gives_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write_report(folder.path()).unwrap();
        let line =
            r#"{"step":1,"epoch":0,"phase":"train","name":"loss","value":null,"seconds":0.1}"#;
        fs::write(
            folder.path().join("metrics.jsonl"),
            format!("{line}\n{{\"st\n\u{0}"),
        )
        .unwrap();
        fs::write(folder.path().join("resolved.toml"), "not = toml = at all").unwrap();
        fs::write(folder.path().join("data.json"), [0xff, 0xfe]).unwrap();
        write_report(folder.path()).unwrap();
        let page = fs::read_to_string(folder.path().join(REPORT)).unwrap();
        assert!(page.contains("1 steps"));
        assert!(!folder.path().join(".report.html.tmp").exists());
    }
}
