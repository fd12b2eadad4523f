//! Recipe text and overrides merged into one tree whose spans still say where each value was written.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::Complaint;

/// A piece of text that recipe values come from: the recipe itself, or one `--set`.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the user knows it by, such as a path or `--set`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where it begins in the numbering that all sources share.
    base: usize,
}

/// All sources of a recipe, with one numbering of bytes across them.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a source and returns where it begins.
    pub fn add(&mut self, name: &str, text: &str) -> usize {
        let base = self.0.last().map_or(0, |s| s.base + s.text.len() + 1);
        self.0.push(Source {
            name: name.to_string(),
            text: text.to_string(),
            base,
        });
        base
    }

    /// The sources in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// Which source a span lies in, and the span inside that source's text.
    pub fn locate(&self, span: &Range<usize>) -> (usize, Range<usize>) {
        let index = self
            .0
            .iter()
            .rposition(|s| s.base <= span.start)
            .unwrap_or(0);
        let source = &self.0[index];
        let within = |at: usize| (at - source.base).min(source.text.len());
        (index, within(span.start)..within(span.end.max(span.start)))
    }
}

/// One value given on the command line, which replaces the recipe's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag it came from, such as `--set` or `--device`.
    pub flag: String,
    /// `key.path=value`, the value in TOML.
    pub text: String,
}

impl Override {
    /// An override as `--set` takes it: `key.path=value`, the value in TOML or a bare word.
    pub fn set(text: &str) -> Self {
        Self {
            flag: "--set".to_string(),
            text: text.to_string(),
        }
    }

    /// A flag of its own, such as `--device`, that stands for a recipe key.
    pub fn flag(flag: &str, key: &str, value: impl Into<toml::Value>) -> Self {
        Self {
            flag: flag.to_string(),
            text: format!("{key}={}", value.into()),
        }
    }
}

/// A table of the merged tree: for each key, where it was written and its value.
pub type Table = BTreeMap<String, Entry>;

/// A key of a table with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key was written.
    pub key_span: Range<usize>,
    /// The value.
    pub node: Node,
}

/// A value and where it was written, in the numbering of [`Sources`].
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it was written.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A TOML value whose parts know where they were written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A string.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date or a time; no recipe key takes one.
    Datetime,
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

impl Value {
    /// The kind of value in the words of an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Datetime => "a date",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The same value without spans.
    pub fn to_toml(&self) -> toml::Value {
        match self {
            Self::String(text) => text.clone().into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::Datetime => "a date".into(),
            Self::Array(items) => {
                toml::Value::Array(items.iter().map(|item| item.value.to_toml()).collect())
            }
            Self::Table(table) => toml::Value::Table(
                table
                    .iter()
                    .map(|(key, e)| (key.clone(), e.node.value.to_toml()))
                    .collect(),
            ),
        }
    }
}

/// Keys of which at most one may be set: an override of one displaces the other.
const RIVALS: [(&str, &str); 2] = [("train.steps", "epochs"), ("train.epochs", "steps")];

/// Dots in a line. Each may open a table in a table, and the parser's tree is freed by recursion, which ends the program when
/// it is too deep for the stack; no recipe comes near.
const MOST_DOTS: usize = 200;

/// The merged tree.
#[derive(Debug)]
pub struct Document {
    /// Where the values were written.
    pub sources: Sources,
    /// The values.
    pub root: Table,
}

impl Document {
    /// Parses a recipe and applies overrides, later ones last.
    ///
    /// What cannot be parsed is added to `complaints` and left out of the tree.
    pub fn parse(
        name: &str,
        text: &str,
        overrides: &[Override],
        complaints: &mut Vec<Complaint>,
    ) -> Self {
        let mut sources = Sources::default();
        let base = sources.add(name, text);
        let mut root = Table::new();
        if let Some(span) = too_many_dots(text) {
            complaints.push(too_deep(span));
        } else {
            let (parsed, errors) = DeTable::parse_recoverable(text);
            for error in errors {
                let span = error.span().unwrap_or(0..0);
                complaints.push(Complaint::new(span, error.message()));
            }
            root = table(parsed.into_inner(), base, complaints);
        }
        for given in overrides {
            let base = sources.add(&given.flag, &given.text);
            if too_many_dots(&given.text).is_some() {
                complaints.push(too_deep(base..base + given.text.len()));
            } else if let Err(complaint) = apply(&mut root, &given.text, base, complaints) {
                complaints.push(complaint);
            }
        }
        Self { sources, root }
    }
}

/// The first line with so many dots that its keys may nest too deep.
fn too_many_dots(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    text.split('\n').find_map(|line| {
        let span = start..start + line.len();
        start = span.end + 1;
        (line.matches('.').count() > MOST_DOTS).then_some(span)
    })
}

fn too_deep(span: Range<usize>) -> Complaint {
    Complaint::new(span, format!("more than {MOST_DOTS} dots in one line"))
}

/// Applies one `key.path=value`, whose text begins at `base`.
fn apply(
    root: &mut Table,
    text: &str,
    base: usize,
    complaints: &mut Vec<Complaint>,
) -> Result<(), Complaint> {
    let Some(equals) = text.find('=') else {
        let span = base..base + text.len();
        return Err(Complaint::new(span, "expected `key=value`")
            .with_help("for example `--set optim.lr=1e-3`"));
    };
    let (path, raw) = (text[..equals].trim(), &text[equals + 1..]);
    let key_span = base..base + equals;
    let bare = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    if !path.split('.').all(bare) {
        return Err(Complaint::new(
            key_span,
            "expected a dotted key, such as `optim.lr`",
        ));
    }
    let node = parse_value(raw, base + equals + 1, complaints)?;
    let mut table = root;
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            for (_, rival) in RIVALS.iter().filter(|(key, _)| *key == path) {
                table.remove(*rival);
            }
            table.insert(part.to_string(), Entry { key_span, node });
            return Ok(());
        }
        let entry = table.entry(part.to_string()).or_insert_with(|| Entry {
            key_span: key_span.clone(),
            node: Node {
                span: key_span.clone(),
                value: Value::Table(Table::new()),
            },
        });
        let Value::Table(inner) = &mut entry.node.value else {
            let message = format!("`{part}` is not a table in this recipe");
            return Err(Complaint::new(key_span, message));
        };
        table = inner;
    }
    Ok(())
}

/// A TOML value, or a bare word taken as a string, so that shells need no nested quotes.
fn parse_value(raw: &str, base: usize, complaints: &mut Vec<Complaint>) -> Result<Node, Complaint> {
    let span = base..base + raw.len();
    match DeValue::parse(raw) {
        Ok(value) => Ok(node(value, base, complaints)),
        Err(error) => {
            let word = raw.trim();
            if word.is_empty() || word.starts_with(['"', '\'', '[', '{']) {
                let message = format!("not a TOML value: {}", error.message());
                return Err(Complaint::new(span, message));
            }
            let value = Value::String(word.to_string());
            Ok(Node { span, value })
        }
    }
}

fn node(value: Spanned<DeValue<'_>>, base: usize, complaints: &mut Vec<Complaint>) -> Node {
    let span = value.span().start + base..value.span().end + base;
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            match i64::from_str_radix(&digits, number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => {
                    let message = format!("`{number}` does not fit 64 bits");
                    complaints.push(Complaint::new(span.clone(), message));
                    Value::Integer(0)
                }
            }
        }
        DeValue::Float(number) => {
            Value::Float(number.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
        }
        DeValue::Boolean(flag) => Value::Boolean(flag),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| node(item, base, complaints))
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(inner, base, complaints)),
    };
    Node { span, value }
}

fn table(table: DeTable<'_>, base: usize, complaints: &mut Vec<Complaint>) -> Table {
    table
        .into_iter()
        .map(|(key, value)| {
            let key_span = key.span().start + base..key.span().end + base;
            let node = node(value, base, complaints);
            (key.into_inner().into_owned(), Entry { key_span, node })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, set: &str, expected: &str) {
        let mut complaints = Vec::new();
        let overrides: Vec<_> = set.split_whitespace().map(Override::set).collect();
        let document = Document::parse("r.toml", text, &overrides, &mut complaints);
        let got = match complaints.first() {
            Some(complaint) => complaint.message.clone(),
            None => Value::Table(document.root).to_toml().to_string(),
        };
        assert_eq!(got, expected, "{text} with {set}");
    }

    #[test]
    fn overrides_replace_and_create() {
        check(
            "[optim]\nlr = 1",
            "optim.lr=1e-3",
            "{ optim = { lr = 0.001 } }",
        );
        check(
            "",
            "data.source=digits seed=0x10",
            r#"{ data = { source = "digits" }, seed = 16 }"#,
        );
        check("a = 1", "a=[1,2] a=2", "{ a = 2 }");
        check("a = 1", "a.b=2", "`a` is not a table in this recipe");
        check("", "lr", "expected `key=value`");
        check("", "a..b=1", "expected a dotted key, such as `optim.lr`");
        check(
            "",
            "a=",
            "not a TOML value: string values must be quoted, expected literal string",
        );
        check(
            "[train]\nepochs = 3",
            "train.steps=5",
            "{ train = { steps = 5 } }",
        );
        check(
            "a = 99999999999999999999",
            "",
            "`99999999999999999999` does not fit 64 bits",
        );
    }

    #[test]
    fn spans_lead_back_to_their_source() {
        let mut complaints = Vec::new();
        let overrides = [
            Override::set("lr=1e-3"),
            Override::flag("--device", "device", "flex"),
        ];
        let document = Document::parse("r.toml", "seed = 12", &overrides, &mut complaints);
        let at = |key: &str| {
            let (index, span) = document.sources.locate(&document.root[key].node.span);
            let source = document.sources.iter().nth(index).unwrap();
            (source.name.clone(), source.text[span].to_string())
        };
        assert_eq!(at("seed"), ("r.toml".into(), "12".into()));
        assert_eq!(at("lr"), ("--set".into(), "1e-3".into()));
        assert_eq!(at("device"), ("--device".into(), "\"flex\"".into()));
    }
}
