//! `manifest.json`: digests of the files of an exported folder, so that a damaged one is noticed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// The file's name.
pub const MANIFEST: &str = "manifest.json";

/// The digests of files in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// BLAKE3 in hexadecimal, by the file's path in the folder.
    blake3: BTreeMap<String, String>,
}

impl Manifest {
    /// Takes a file's digest in.
    pub fn insert(&mut self, name: &str, bytes: &[u8]) {
        self.blake3.insert(name.to_string(), digest(bytes));
    }

    /// The manifest of a folder; none in what older programs exported.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>, CliError> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(CliError::reading(&path))?;
        match serde_json::from_slice(&bytes) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) => Err(CliError::Run(format!("{}: {error}", path.display()).into())),
        }
    }

    /// The content of a file in the folder, which must be what the manifest, if there is one, says.
    ///
    /// # Errors
    /// If it cannot be read, or is another.
    pub fn content(of: Option<&Self>, folder: &Path, name: &str) -> Result<Vec<u8>, CliError> {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(CliError::reading(&path))?;
        let Some(manifest) = of else {
            return Ok(bytes);
        };
        match manifest.blake3.get(name) {
            Some(known) if *known == digest(&bytes) => Ok(bytes),
            _ => Err(CliError::Refused {
                message: format!(
                    "{} is damaged or was changed: its digest is not that in {MANIFEST}",
                    path.display()
                ),
                help: Some(format!(
                    "export the model again; a folder without {MANIFEST} is taken as it is"
                )),
            }),
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
