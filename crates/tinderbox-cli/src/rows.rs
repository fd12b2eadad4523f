//! Rows of `embed` and `predict`: one an input, in input order, readable or not.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::npy;

/// The input or output error in a CSV error, its kind kept, so that a closed pipe is told apart.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// What became of one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// Its result.
    Done(T),
    /// Why it could not be read.
    Unreadable(String),
}

/// What is written of the classes of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassColumns {
    /// Names of all classes.
    pub classes: Vec<String>,
    /// How many of the most probable are written; none is one.
    pub top: usize,
    /// Whether the probability of each is written.
    pub all: bool,
}

impl ClassColumns {
    /// The columns behind those of the most probable class.
    pub fn further(&self) -> Vec<String> {
        let next = (2..=self.top).flat_map(|place| {
            ["class", "name", "probability"].map(|column| format!("{column}_{place}"))
        });
        let each = self.classes.iter().filter(|_| self.all);
        next.chain(each.map(|class| format!("p_{class}"))).collect()
    }
}

/// A class and its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Index of the class.
    pub class: usize,
    /// Name of the class.
    pub name: String,
    /// Probability the model gives it, 0 to 1.
    pub probability: f32,
    /// The cells of [`ClassColumns::further`].
    pub further: Vec<String>,
}

impl Prediction {
    /// The most probable of the classes, each with its probability; the first of equals.
    pub fn of(shares: &[f32], columns: &ClassColumns) -> Self {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
        let cells = |class: usize| {
            let (name, share) = (columns.classes[class].clone(), shares[class]);
            [class.to_string(), name, format!("{share:.6}")]
        };
        let next = order.iter().take(columns.top).skip(1);
        let each = shares.iter().filter(|_| columns.all);
        let further = next.flat_map(|class| cells(*class));
        let class = order[0];
        Self {
            class,
            name: columns.classes[class].clone(),
            probability: shares[class],
            further: further
                .chain(each.map(|share| format!("{share:.6}")))
                .collect(),
        }
    }
}

/// A part of a text that answers a question.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundAnswer {
    /// What it says; nothing if the text has no answer.
    pub text: String,
    /// The character of the text where it begins.
    pub start: Option<usize>,
    /// Probability the model gives it, 0 to 1.
    pub probability: f32,
}

/// A result as rows of CSV.
pub trait AsRows {
    /// What is in the columns between `id` and `error`.
    const COLUMNS: &'static [&'static str];

    /// The cells of each row, without `id` and `error`.
    fn rows(&self) -> Vec<Vec<String>>;
}

impl AsRows for Prediction {
    const COLUMNS: &'static [&'static str] = &["class", "name", "probability"];

    fn rows(&self) -> Vec<Vec<String>> {
        let share = format!("{:.6}", self.probability);
        let first = [self.class.to_string(), self.name.clone(), share];
        vec![first.iter().chain(&self.further).cloned().collect()]
    }
}

/// Words with their tags, a row each: a text without words has none.
impl AsRows for Vec<(String, Prediction)> {
    const COLUMNS: &'static [&'static str] = &["word", "class", "name", "probability"];

    fn rows(&self) -> Vec<Vec<String>> {
        let of_word = |(word, tag): &(String, Prediction)| {
            let cells = tag.rows().into_iter().flatten();
            std::iter::once(word.clone()).chain(cells).collect()
        };
        self.iter().map(of_word).collect()
    }
}

impl AsRows for FoundAnswer {
    const COLUMNS: &'static [&'static str] = &["answer", "start", "probability"];

    fn rows(&self) -> Vec<Vec<String>> {
        let start = self.start.map_or(String::new(), |start| start.to_string());
        let share = format!("{:.6}", self.probability);
        vec![vec![self.text.clone(), start, share]]
    }
}

/// Writes results as CSV: `id`, their columns, further ones, `error`.
#[derive(Debug)]
pub struct ResultWriter<W: Write, T> {
    csv: csv::Writer<W>,
    columns: usize,
    of: PhantomData<T>,
}

impl<W: Write, T: AsRows> ResultWriter<W, T> {
    /// Writes the heading.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(to: W, further: &[String]) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(to);
        let own = T::COLUMNS.iter().copied();
        let columns = own.chain(further.iter().map(String::as_str));
        let heading = std::iter::once("id").chain(columns).chain(["error"]);
        csv.write_record(heading).map_err(io_error)?;
        Ok(Self {
            csv,
            columns: T::COLUMNS.len() + further.len(),
            of: PhantomData,
        })
    }

    /// Writes the rows of one input; one that could not be read has one row.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&mut self, id: &str, outcome: &Outcome<T>) -> io::Result<()> {
        let (rows, reason) = match outcome {
            Outcome::Done(result) => (result.rows(), ""),
            Outcome::Unreadable(reason) => {
                let blank = vec![String::new(); self.columns];
                (vec![blank], reason.as_str())
            }
        };
        for cells in rows {
            let cells = cells.iter().map(String::as_str);
            let row = std::iter::once(id).chain(cells).chain([reason]);
            self.csv.write_record(row).map_err(io_error)?;
        }
        Ok(())
    }

    /// Makes sure that all rows are out.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// Writes features as CSV: `id,error,f0,f1,...`.
#[derive(Debug)]
pub struct EmbeddingCsv<W: Write> {
    csv: csv::Writer<W>,
    dim: usize,
}

impl<W: Write> EmbeddingCsv<W> {
    /// Writes the heading.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(to: W, dim: usize) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(to);
        let columns = (0..dim).map(|column| format!("f{column}"));
        let heading = ["id", "error"].map(String::from).into_iter().chain(columns);
        csv.write_record(heading).map_err(io_error)?;
        Ok(Self { csv, dim })
    }

    /// Writes one row; an unreadable input has empty features.
    ///
    /// # Errors
    /// What the writer says.
    ///
    /// # Panics
    /// If the features are not as many as the heading says.
    pub fn row(&mut self, id: &str, outcome: &Outcome<Vec<f32>>) -> io::Result<()> {
        let (reason, values): (&str, Vec<String>) = match outcome {
            Outcome::Done(features) => {
                assert_eq!(
                    features.len(),
                    self.dim,
                    "features of a row, and of the heading"
                );
                ("", features.iter().map(f32::to_string).collect())
            }
            Outcome::Unreadable(reason) => (reason.as_str(), vec![String::new(); self.dim]),
        };
        let cells = [id, reason]
            .into_iter()
            .chain(values.iter().map(String::as_str));
        self.csv.write_record(cells).map_err(io_error)
    }

    /// Makes sure that all rows are out.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// The columns of the file of ids beside a NumPy matrix.
pub const IDS_HEADING: [&str; 3] = ["row", "id", "error"];

/// The file of ids beside a NumPy matrix.
pub fn ids_path(path: &Path) -> PathBuf {
    path.with_extension("csv")
}

/// Writes features as a NumPy matrix, with `NAME.csv` beside it that says `row,id,error`.
///
/// The row of an unreadable input is NaN.
#[derive(Debug)]
pub struct EmbeddingNpy {
    path: PathBuf,
    ids_path: PathBuf,
    matrix: BufWriter<File>,
    ids: csv::Writer<File>,
    dim: usize,
    row: usize,
}

impl EmbeddingNpy {
    /// Opens both files.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn create(path: &Path, rows: usize, dim: usize) -> Result<Self, CliError> {
        let ids_path = ids_path(path);
        let file = File::create(path).map_err(CliError::writing(path))?;
        let mut matrix = BufWriter::new(file);
        npy::write_header(&mut matrix, rows, dim).map_err(CliError::writing(path))?;
        let ids = File::create(&ids_path).map_err(CliError::writing(&ids_path))?;
        let mut ids = csv::Writer::from_writer(ids);
        ids.write_record(IDS_HEADING)
            .map_err(|e| CliError::writing(&ids_path)(io_error(e)))?;
        Ok(Self {
            path: path.to_path_buf(),
            ids_path,
            matrix,
            ids,
            dim,
            row: 0,
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// If a file cannot be written.
    ///
    /// # Panics
    /// If the features are not as many as the header says.
    pub fn row(&mut self, id: &str, outcome: &Outcome<Vec<f32>>) -> Result<(), CliError> {
        let unreadable;
        let (features, reason) = match outcome {
            Outcome::Done(features) => (features, ""),
            Outcome::Unreadable(reason) => {
                unreadable = vec![f32::NAN; self.dim];
                (&unreadable, reason.as_str())
            }
        };
        assert_eq!(
            features.len(),
            self.dim,
            "features of a row, and of the header"
        );
        npy::write_row(&mut self.matrix, features).map_err(CliError::writing(&self.path))?;
        self.ids
            .write_record([self.row.to_string().as_str(), id, reason])
            .map_err(|e| CliError::writing(&self.ids_path)(io_error(e)))?;
        self.row += 1;
        Ok(())
    }

    /// Makes sure that all rows are out.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(mut self) -> Result<(), CliError> {
        self.matrix.flush().map_err(CliError::writing(&self.path))?;
        self.ids.flush().map_err(CliError::writing(&self.ids_path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_keep_order_and_quote_names() {
        let mut text = Vec::new();
        let mut writer = ResultWriter::new(&mut text, &[]).unwrap();
        let prediction = Prediction {
            class: 1,
            name: "a \"b\"".into(),
            probability: 0.75,
            further: Vec::new(),
        };
        writer.write("x,y.png", &Outcome::Done(prediction)).unwrap();
        writer
            .write("bad\n.png", &Outcome::Unreadable("cut short".into()))
            .unwrap();
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "id,class,name,probability,error\n\
             \"x,y.png\",1,\"a \"\"b\"\"\",0.750000,\n\
             \"bad\n.png\",,,,cut short\n"
        );
    }

    #[test]
    fn further_classes_stand_before_the_reason() {
        let mut columns = ClassColumns {
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            top: 2,
            all: true,
        };
        let shares = [0.25, 0.5, 0.25];
        let mut text = Vec::new();
        let mut writer = ResultWriter::new(&mut text, &columns.further()).unwrap();
        let found = Prediction::of(&shares, &columns);
        writer.write("x", &Outcome::Done(found)).unwrap();
        writer
            .write("y", &Outcome::Unreadable("cut".into()))
            .unwrap();
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "id,class,name,probability,class_2,name_2,probability_2,p_a,p_b,p_c,error\n\
             x,1,b,0.500000,0,a,0.250000,0.250000,0.500000,0.250000,\n\
             y,,,,,,,,,,cut\n"
        );
        (columns.top, columns.all) = (3, false);
        let found = Prediction::of(&shares, &columns);
        assert_eq!(found.further, ["0", "a", "0.250000", "2", "c", "0.250000"]);
    }

    #[test]
    fn each_word_has_a_row() {
        let mut text = Vec::new();
        let mut writer = ResultWriter::new(&mut text, &[]).unwrap();
        let classes = ClassColumns {
            classes: ["at", "nn"].map(String::from).to_vec(),
            ..ClassColumns::default()
        };
        let words = [("a", [0.75, 0.25]), (",", [0.5, 0.5])];
        let words =
            words.map(|(word, shares)| (word.to_string(), Prediction::of(&shares, &classes)));
        writer.write("0", &Outcome::Done(words.to_vec())).unwrap();
        writer.write("1", &Outcome::Done(Vec::new())).unwrap();
        writer
            .write("2", &Outcome::Unreadable("bad".into()))
            .unwrap();
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "id,word,class,name,probability,error\n\
             0,a,0,at,0.750000,\n\
             0,\",\",0,at,0.500000,\n\
             2,,,,,bad\n"
        );
    }

    #[test]
    fn an_answer_has_its_place_unless_there_is_none() {
        let mut text = Vec::new();
        let mut writer = ResultWriter::new(&mut text, &[]).unwrap();
        for (id, start) in [("a", Some(7)), ("b", None)] {
            let answer = FoundAnswer {
                text: start.map_or("", |_| "sea").into(),
                start,
                probability: 0.5,
            };
            writer.write(id, &Outcome::Done(answer)).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "id,answer,start,probability,error\na,sea,7,0.500000,\nb,,,0.500000,\n"
        );
    }

    #[test]
    fn embeddings_as_csv_have_a_row_for_every_input() {
        let mut text = Vec::new();
        let mut writer = EmbeddingCsv::new(&mut text, 2).unwrap();
        writer.row("0", &Outcome::Done(vec![0.5, -1.0])).unwrap();
        writer.row("1", &Outcome::Unreadable("bad".into())).unwrap();
        writer.finish().unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "id,error,f0,f1\n0,,0.5,-1\n1,bad,,\n");
    }

    #[test]
    fn embeddings_as_npy_have_ids_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.npy");
        let mut writer = EmbeddingNpy::create(&path, 2, 3).unwrap();
        writer
            .row("a", &Outcome::Done(vec![1.0, 2.0, 3.0]))
            .unwrap();
        writer.row("b", &Outcome::Unreadable("bad".into())).unwrap();
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() % 64, 2 * 3 * 4);
        assert!(bytes.ends_with(&f32::NAN.to_le_bytes()));
        let ids = std::fs::read_to_string(folder.path().join("e.csv")).unwrap();
        assert_eq!(ids, "row,id,error\n0,a,\n1,b,bad\n");
    }
}
