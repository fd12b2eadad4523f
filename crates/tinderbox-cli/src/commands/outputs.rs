//! Where results go: refused if something is there, unless it may be replaced and the program wrote it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::rows::IDS_HEADING;
use crate::training::json_bytes;

/// Bytes by which a file is known.
const BEGINNING: u64 = 1 << 16;

/// What a verb writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Files in a folder, each of which is looked at by whoever writes it.
    Folder,
    /// Rows of results, as CSV.
    Rows,
    /// The ids beside a matrix, whose file nobody has named.
    Ids,
    /// A NumPy matrix.
    Matrix,
    /// A result as JSON.
    Json,
    /// Vectors of words.
    Vectors,
    /// The state of a training of such vectors.
    State,
}

impl Written {
    fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Rows => "file of results",
            Self::Ids => "file of ids",
            Self::Matrix => "matrix",
            Self::Json => "result",
            Self::Vectors => "file of vectors",
            Self::State => "state of a training",
        }
    }

    /// Whether a file that begins like this can be one.
    fn begins(self, bytes: &[u8]) -> bool {
        let line = bytes.split(|byte| *byte == b'\n').next();
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        match self {
            Self::Folder => true,
            Self::Rows => line.starts_with("id,"),
            Self::Ids => line.trim_end() == IDS_HEADING.join(","),
            Self::Matrix => bytes.starts_with(b"\x93NUMPY"),
            Self::Json => bytes.starts_with(b"{\n"),
            Self::Vectors => {
                let mut numbers = line.split_whitespace().skip(1).peekable();
                numbers.peek().is_some() && numbers.all(|number| number.parse::<f64>().is_ok())
            }
            Self::State => line.contains("\"__metadata__\"") && line.contains("\"training\""),
        }
    }
}

/// What can be done about an output that exists.
pub(super) const NAME_ANOTHER: &str = "name another with `--out`";

/// Refuses to write over a file or over what is in a folder unless told to, and over a file that is no such output even so; `otherwise` is what
/// can be done instead.
///
/// # Errors
/// [`CliError::Refused`]; it is left as it is.
pub(super) fn refuse_existing(
    path: &Path,
    what: Written,
    otherwise: &str,
    global: &GlobalArgs,
) -> Result<(), CliError> {
    let mut found = Vec::new();
    match fs::metadata(path) {
        Err(_) => return Ok(()),
        Ok(metadata) if metadata.is_dir() => {
            let mut entries = path.read_dir().map_err(CliError::reading(path))?;
            if what == Written::Folder && entries.next().is_none() {
                return Ok(());
            }
        }
        // A pipe or a device takes what is written.
        Ok(metadata) if !metadata.is_file() => return Ok(()),
        Ok(_) => {
            let file = File::open(path).map_err(CliError::reading(path))?;
            let read = file.take(BEGINNING).read_to_end(&mut found);
            read.map_err(CliError::reading(path))?;
        }
    }
    let shown = path.display();
    if global.overwrite && !found.is_empty() && !what.begins(&found) {
        return Err(CliError::Refused {
            message: format!(
                "{shown} is no {} that was written here, and is left as it is",
                what.name()
            ),
            help: Some(format!("remove it first, or {otherwise}")),
        });
    }
    if global.overwrite {
        return Ok(());
    }
    Err(CliError::Refused {
        message: format!("{shown} exists"),
        help: Some(format!("replace it by `--overwrite`, or {otherwise}")),
    })
}

/// Keeps a result: in the file of `--out`, or beside earlier ones in a folder of the run, as `NAME.json`, `NAME-2.json` and so on.
/// Says where, if it is kept.
///
/// # Errors
/// If the file exists, or cannot be written.
pub(super) fn keep(
    run: Option<&Path>,
    name: &str,
    result: &serde_json::Value,
    global: &GlobalArgs,
) -> Result<Option<PathBuf>, CliError> {
    let bytes = json_bytes(result);
    if let Some(out) = &global.out {
        refuse_existing(out, Written::Json, NAME_ANOTHER, global)?;
        tinderbox::train::write_atomic(out, &bytes)?;
        return Ok(Some(out.clone()));
    }
    let Some(run) = run else { return Ok(None) };
    let folder = run.join(name);
    fs::create_dir_all(&folder).map_err(CliError::io("creating", &folder))?;
    let numbered = (1..).map(|number| match number {
        1 => folder.join(format!("{name}.json")),
        number => folder.join(format!("{name}-{number}.json")),
    });
    for path in numbered {
        // Only one of two processes makes the file.
        match File::create_new(&path) {
            Ok(_) => {
                tinderbox::train::write_atomic(&path, &bytes)?;
                return Ok(Some(path));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(CliError::writing(&path)(error)),
        }
    }
    unreachable!("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_how_it_begins() {
        use Written::{Ids, Json, Matrix, Rows, State, Vectors};
        let files: [(Written, &[u8]); 8] = [
            (Rows, b"id,class,name,probability,error\n1,"),
            (Ids, b"row,id,error\n"),
            (Matrix, b"\x93NUMPY\x01\0v\0{'descr'"),
            (Json, b"{\n  \"test\": 3"),
            (Vectors, b"3 4\nking 1 2 3 4\n"),
            (Vectors, b"king 0.25 -1e-3 3\n"),
            (Vectors, b"3 4\nking \xff\0\x01"),
            (State, b"\x40\0\0\0\0\0\0\0{\"__metadata__\":{\"training\":"),
        ];
        for (what, bytes) in files {
            for other in [Rows, Ids, Matrix, Json, Vectors, State] {
                assert_eq!(other.begins(bytes), other == what, "{what:?} {other:?}");
            }
        }
        for what in [Rows, Ids, Matrix, Json, Vectors, State] {
            for bytes in [
                &b"name,age\nanna,7\n"[..],
                b"\xff\xd8\xff\xe0",
                b"{\"a\": 1}",
                b"my novel",
                b"\n",
            ] {
                assert!(!what.begins(bytes), "{what:?} {bytes:?}");
            }
        }
    }
}
