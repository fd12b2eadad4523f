//! Fitting a pipeline to rows of a table: what their columns are is found, and corrected by what a person says of some.

use super::config::{ColumnConfig, ColumnPipelineConfig};
use super::form::NumberForm;
use super::form_finder::{FoundForms, find};
use super::giveaways::Giveaway;
use super::items::TableItems;
use super::pipeline::{ColumnPipeline, FittedTransform};
use super::profile::{ColumnKind, ColumnProfile, TableProfile};
use super::row::Cell;
use super::sentinel::sentinel;
use crate::{DataError, Ledger, Remark};

/// A pipeline with what of its rows it does not use as it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFit {
    /// The pipeline.
    pub pipeline: ColumnPipeline,
    /// Columns that are dropped, categories that are folded, marks that are missing, forms that were guessed.
    pub ledger: Ledger,
}

impl TableItems {
    /// What there is in some rows, their numbers read as they are written.
    ///
    /// # Errors
    /// [`DataError::Empty`] for no rows that can be read.
    pub fn profile(&self, rows: &[usize]) -> Result<TableProfile, DataError> {
        let rows = self.readable(rows);
        Ok(self.look(&rows, None)?.0)
    }

    /// A pipeline fitted to some rows. Columns become what [`TableProfile::config`] suggests for these rows, but for those that the
    /// configuration has an entry for; the column of the labels, and one that repeats it, are left out. Rows with a cell that the pipeline
    /// refuses do not count.
    ///
    /// # Errors
    /// [`DataError::Empty`] for no rows; [`DataError::Config`] when no column is left, with what each holds; those of
    /// [`ColumnPipelineConfig::fit`] when all rows are refused.
    pub fn fit(
        &self,
        config: Option<&ColumnPipelineConfig>,
        rows: &[usize],
    ) -> Result<TableFit, DataError> {
        let rows = self.readable(rows);
        let told = config.cloned().unwrap_or_default();
        for column in told.columns.keys() {
            self.table.place("data.columns", column)?;
        }
        let (profile, forms) = self.look(&rows, Some(&told))?;
        let giveaways = self.giveaways(&rows, &forms.forms);
        let mut columns = profile.config().columns;
        for copy in giveaways.iter().filter(|column| column.is_copy) {
            columns.insert(copy.name.clone(), ColumnConfig::Drop);
        }
        for (column, entry) in &told.columns {
            let mut entry = entry.clone();
            if let ColumnConfig::Number(number) = &mut entry
                && let Ok(place) = self.table.place("data.columns", column)
                && number.form.is_none()
                && !forms.forms[place].is_plain()
            {
                number.form = Some(forms.forms[place].clone());
            }
            columns.insert(column.clone(), entry);
        }
        if let Some(column) = &self.label_column {
            columns.remove(column);
        }
        let is_kept = |name: &str| {
            columns
                .get(name)
                .is_some_and(|entry| *entry != ColumnConfig::Drop)
        };
        if !profile.columns.iter().any(|column| is_kept(&column.name)) {
            return Err(self.nothing_left(&profile));
        }
        let mut ledger = self.remarks(&profile, &told, &forms, is_kept, &giveaways);
        let config = ColumnPipelineConfig { columns };
        let mut fit = config.start(self.table.columns())?;
        let mut refused: Vec<DataError> = Vec::new();
        for &row in &rows {
            let pushed = fit.push(&self.table.rows()[row]);
            refused.extend(pushed.err().map(|error| error.at(&self.file(row).path)));
        }
        if refused.len() == rows.len()
            && let Some(error) = refused.first()
        {
            return Err(error.clone());
        }
        for error in &refused {
            let DataError::Line {
                line,
                what,
                expected,
                got,
                ..
            } = error
            else {
                continue;
            };
            let example = format!("line {line}: {got}");
            let becomes = format!("are left out of training: {what} holds what is not {expected}");
            let remark = Remark::new("rows", 1, becomes).examples([example]);
            ledger.add(remark.key(format!("data.missing = [{}]", got.replace('`', "\""))));
        }
        let pipeline = fit.finish()?;
        for column in pipeline.columns() {
            let FittedTransform::Category(encoder) = &column.transform else {
                continue;
            };
            let (kept, folded) = (encoder.categories().len(), encoder.folded());
            let becomes = format!(
                "of {} are rare, and become one, `other`",
                Cell::Text(&column.name).shown()
            );
            let remark = Remark::new("categories", folded.len(), becomes).of(kept + folded.len());
            ledger.add(remark.examples(folded.to_vec()).key("data.columns"));
        }
        Ok(TableFit { pipeline, ledger })
    }

    fn readable(&self, rows: &[usize]) -> Vec<usize> {
        let rows = rows.iter().copied();
        rows.filter(|row| !self.broken.contains_key(row)).collect()
    }

    fn look(
        &self,
        rows: &[usize],
        told: Option<&ColumnPipelineConfig>,
    ) -> Result<(TableProfile, FoundForms), DataError> {
        let all = rows.iter().map(|row| &self.table.rows()[*row]);
        let columns = self.table.columns();
        let mut found = find(columns.len(), all, self.decimal, self.semicolons);
        for (place, column) in columns.iter().enumerate() {
            let entry = told.and_then(|told| told.columns.get(column));
            if let Some(ColumnConfig::Number(number)) = entry
                && let Some(form) = &number.form
            {
                found.forms[place] = form.clone();
                found.ambiguous.retain(|(other, _)| *other != place);
            }
        }
        let path = &self.file(0).path;
        let profile =
            TableProfile::inspect_as(&mut self.table.reader_of(rows, path), &found.forms)?;
        Ok((profile, found))
    }

    fn nothing_left(&self, profile: &TableProfile) -> DataError {
        let others = profile
            .columns
            .iter()
            .filter(|column| Some(&column.name) != self.label_column.as_ref());
        let shown: Vec<String> = others
            .map(|column| format!("{} ({})", shown(column), column.suggestion().reason))
            .collect();
        let got = match shown.as_slice() {
            [] => "none beside the labels".to_owned(),
            _ => shown.join(", "),
        };
        let expected = "a column of numbers or of categories that repeat; `[data.columns]` says what a column is, such as `{ kind = \"number\", form = \"dd.mm.yyyy\" }`";
        DataError::config("data.columns", expected, got)
    }

    fn remarks(
        &self,
        profile: &TableProfile,
        told: &ColumnPipelineConfig,
        forms: &FoundForms,
        is_kept: impl Fn(&str) -> bool,
        giveaways: &[Giveaway],
    ) -> Ledger {
        let columns = profile.columns.iter().zip(&forms.forms).enumerate();
        let inputs: Vec<_> = columns
            .filter(|(_, (column, _))| Some(&column.name) != self.label_column.as_ref())
            .collect();
        let mut groups = Groups::default();
        let mut ledger = Ledger::default();
        for (place, (column, form)) in &inputs {
            let is_told = told.columns.contains_key(&column.name);
            if !is_kept(&column.name) {
                let is_copy = |other: &&Giveaway| other.is_copy && other.name == column.name;
                let (reason, example) = match giveaways.iter().find(is_copy) {
                    Some(copy) => ("it repeats the labels".to_owned(), copy.example.clone()),
                    None => (column.suggestion().reason, shown(column)),
                };
                let (key, example) = match (&column.first_other, column.kind()) {
                    (Some((line, other)), ColumnKind::Mixed) => {
                        let name = Cell::Text(&column.name).shown();
                        ("data.missing", format!("{name}: {other} in line {line}"))
                    }
                    _ if column.is_sentences() => ("data.text", example),
                    _ => ("data.columns", example),
                };
                if !is_told {
                    groups.add(format!("are left out, each because {reason}"), key, example);
                }
                continue;
            }
            if let Some(giveaway) = giveaways.iter().find(|other| other.name == column.name)
                && !is_told
            {
                let becomes = "alone tell the labels: where they follow from these, leave them out, or figures are too good";
                groups.add(becomes.to_owned(), "data.columns", giveaway.example.clone());
            }
            if !matches!(column.kind(), ColumnKind::Number | ColumnKind::Mixed) {
                let what = format!("categories of {}", Cell::Text(&column.name).shown());
                ledger.add(column.categories.remark(&what));
                for (mark, (times, _)) in &column.stand_ins {
                    let (mark, name) = (Cell::Text(mark).shown(), Cell::Text(&column.name).shown());
                    let becomes = format!("of {name} are {mark}, and are a category of their own");
                    let remark = Remark::new("values", *times as usize, becomes);
                    ledger.add(remark.key(format!("data.missing = [{}]", mark.replace('`', "\""))));
                }
                continue;
            }
            if let Some((number, times)) = sentinel(column) {
                let (number, name) = (Cell::Text(number).shown(), Cell::Text(&column.name).shown());
                let becomes = format!(
                    "of {name} are {number}, far from all others, and are read as numbers: if they stand for missing ones, say so"
                );
                let remark = Remark::new("values", times as usize, becomes);
                ledger.add(remark.key(format!("data.missing = [{}]", number.replace('`', "\""))));
            }
            for (mark, (times, line)) in &column.stand_ins {
                let is_endless = mark.parse().is_ok_and(f64::is_infinite);
                let what = if is_endless {
                    "infinite numbers"
                } else {
                    "marks among numbers"
                };
                let (mark, name) = (Cell::Text(mark).shown(), Cell::Text(&column.name).shown());
                let example = format!("{mark} in column {name}, line {line}");
                let remark = Remark::new(what, *times as usize, "count as missing");
                ledger.add(remark.examples([example]).key("data.columns"));
            }
            if form.is_plain() || is_told {
                continue;
            }
            if let Some((_, other)) = forms.ambiguous.iter().find(|(guessed, _)| guessed == place) {
                let key = match other {
                    NumberForm::Spelled { decimal, .. } => {
                        format!("data.decimal = \"{}\"", decimal.sign())
                    }
                    NumberForm::Plain => "data.decimal = \".\"".to_owned(),
                    _ => format!("data.columns.NAME = {{ kind = \"number\", form = \"{other}\" }}"),
                };
                let becomes =
                    format!("can be read as `{form}` and as `{other}`, and are read as the former");
                groups.add(becomes, &key, shown(column));
            } else {
                let becomes = format!("are read as `{form}`, as all of their values can be");
                groups.add(becomes, "data.columns", shown(column));
            }
        }
        for (becomes, key, examples) in groups.0 {
            let remark = Remark::new("columns", examples.len(), becomes).of(inputs.len());
            ledger.add(remark.examples(examples).key(key));
        }
        ledger
    }
}

/// Examples of columns by what becomes of them, and the key that changes it.
#[derive(Default)]
struct Groups(Vec<(String, String, Vec<String>)>);

impl Groups {
    fn add(&mut self, becomes: String, key: &str, example: String) {
        let known = self
            .0
            .iter_mut()
            .find(|(other, of, _)| *other == becomes && of == key);
        match known {
            Some((_, _, examples)) => examples.push(example),
            None => self.0.push((becomes, key.to_owned(), vec![example])),
        }
    }
}

/// A column with the first of its values: `price: 1,5`.
fn shown(column: &ColumnProfile) -> String {
    let name = Cell::Text(&column.name).shown();
    match column.example() {
        Some(example) => format!("{name}: {example}"),
        None => name,
    }
}
