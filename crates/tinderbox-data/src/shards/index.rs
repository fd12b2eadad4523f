//! What a tar file holds, from its headers.

use std::io::{Read, Seek, SeekFrom};
use std::path::Component;

use tar::{Archive, EntryType};

use crate::error::memory;
use crate::odd_name::shown;
use crate::{DataError, ImageFolder, Ledger, Remark};

/// A label's file may be so long, in bytes.
const LONGEST_LABEL: u64 = 1 << 16;

/// What becomes of members that are no part of an item.
const OTHER: &str = "are not read: neither pictures nor labels, by their endings";

/// Where a member's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    /// From the beginning of the file.
    pub(super) start: u64,
    /// Bytes.
    pub(super) length: u64,
}

/// An item: a picture with its label.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) picture: Member,
    pub(super) label: Option<String>,
}

/// What members of one key have given so far.
#[derive(Default)]
struct Group {
    key: String,
    picture: Option<Member>,
    class: Option<String>,
    json: Option<String>,
}

impl Group {
    fn finish(self, ledger: &mut Ledger) -> Option<Found> {
        let Some(picture) = self.picture else {
            if self.class.is_some() || self.json.is_some() {
                ledger.add(
                    Remark::new("labels", 1, "have no picture, and are not read")
                        .examples([self.key]),
                );
            }
            return None;
        };
        Some(Found {
            key: self.key,
            picture,
            label: self.class.or(self.json),
        })
    }
}

/// The items of a tar file, in its order. Members that are no part of an item are passed over by seeking, and told in the ledger.
pub(super) fn index(
    mut file: impl Read + Seek,
    ledger: &mut Ledger,
) -> Result<Vec<Found>, DataError> {
    let io = |source| DataError::io(memory(), source);
    refuse_compressed(&mut file)?;
    let end = file.seek(SeekFrom::End(0)).map_err(io)?;
    file.rewind().map_err(io)?;
    let mut archive = Archive::new(file);
    let mut found = Vec::new();
    let mut group = Group::default();
    for entry in archive.entries_with_seek().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = name_of(&entry.path_bytes());
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            kind => {
                let got = format!("{kind:?} {name:?}");
                let expected = "files and folders, no links, devices or pipes";
                return Err(DataError::format("member", expected, got));
            }
        }
        let path = std::path::Path::new(&name);
        let below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.contains('\0') || !path.components().all(below) {
            let expected = "a relative path without `..`";
            return Err(DataError::format(
                "name of a member",
                expected,
                format!("{name:?}"),
            ));
        }
        let member = Member {
            start: entry.raw_file_position(),
            length: entry.size(),
        };
        if member
            .start
            .checked_add(member.length)
            .is_none_or(|last| last > end)
        {
            let got = format!("{end} bytes, within {name:?}");
            let expected = format!("{} bytes from {}", member.length, member.start);
            return Err(DataError::format("length", expected, got));
        }
        let member_that = |becomes: &str| {
            Remark::new("members of tar files", 1, becomes).examples([name.clone()])
        };
        let Some((key, ending)) = split(&name) else {
            ledger.add(member_that(OTHER));
            continue;
        };
        if key != group.key {
            let next = Group {
                key: key.to_owned(),
                ..Group::default()
            };
            found.extend(std::mem::replace(&mut group, next).finish(ledger));
        }
        match ending.to_ascii_lowercase().as_str() {
            ending if ending == "npy" || ImageFolder::ENDINGS.contains(&ending) => {
                if group.picture.is_some() {
                    let becomes = "are second pictures of their keys, and are not read";
                    ledger.add(member_that(becomes));
                } else {
                    group.picture = Some(member);
                }
            }
            ending @ ("cls" | "json") => {
                let label = label_text(&mut entry, &name).and_then(|text| match ending {
                    "cls" => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
                    _ => json_label(&text, &name),
                });
                match (label, ending) {
                    (Ok(label), "cls") => group.class = label,
                    (Ok(label), _) => group.json = label,
                    (Err(error), _) => {
                        let remark = Remark::new(
                            "labels",
                            1,
                            "cannot be read, so that their pictures have none",
                        );
                        ledger.add(remark.examples([error.to_string()]));
                    }
                }
            }
            _ => ledger.add(member_that(OTHER)),
        }
    }
    found.extend(group.finish(ledger));
    Ok(found)
}

/// The name of a member as text, whatever bytes it is.
fn name_of(bytes: &[u8]) -> String {
    #[cfg(unix)]
    return shown(std::os::unix::ffi::OsStrExt::from_bytes(bytes));
    #[cfg(not(unix))]
    return shown(String::from_utf8_lossy(bytes).as_ref().as_ref());
}

fn broken(source: std::io::Error) -> DataError {
    DataError::format("tar file", "members", source)
}

fn refuse_compressed(file: &mut (impl Read + Seek)) -> Result<(), DataError> {
    let io = |source| DataError::io(memory(), source);
    let mut start = Vec::new();
    file.by_ref().take(6).read_to_end(&mut start).map_err(io)?;
    let packers: [(&[u8], &str); 4] = [
        (b"\x1f\x8b", "gzip: unpack it first, by `gunzip`"),
        (b"\x28\xb5\x2f\xfd", "zstd: unpack it first, by `unzstd`"),
        (b"\xfd7zXZ\0", "xz: unpack it first, by `unxz`"),
        (b"BZh", "bzip2: unpack it first, by `bunzip2`"),
    ];
    for (magic, name) in packers {
        if start.starts_with(magic) {
            return Err(DataError::format("compression", "none", name));
        }
    }
    Ok(())
}

/// The key and what follows it: the name up to the first dot after the last `/`.
fn split(name: &str) -> Option<(&str, &str)> {
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = base + name[base..].find('.')?;
    (dot > base).then(|| (&name[..dot], &name[dot + 1..]))
}

fn label_text(entry: &mut impl Read, name: &str) -> Result<String, DataError> {
    let mut bytes = Vec::new();
    let mut limited = entry.take(LONGEST_LABEL + 1);
    limited.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > LONGEST_LABEL {
        let expected = format!("at most {LONGEST_LABEL} bytes");
        return Err(DataError::format(
            "label",
            expected,
            format!("more in {name:?}"),
        ));
    }
    String::from_utf8(bytes)
        .map_err(|_| DataError::format("label", "UTF-8", format!("other bytes in {name:?}")))
}

/// The field `label` of an object, if there is one.
fn json_label(text: &str, name: &str) -> Result<Option<String>, DataError> {
    use serde_json::Value;
    let wrong = |got: &dyn std::fmt::Display| {
        DataError::format("label", "a JSON object", format!("{got} in {name:?}"))
    };
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    let fields = value.as_object().ok_or_else(|| wrong(&"another value"))?;
    match fields.get("label") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(label)) => Ok(Some(label.clone())),
        Some(Value::Number(label)) => Ok(Some(label.to_string())),
        Some(other) => {
            let got = format!("{other} in {name:?}");
            Err(DataError::format("label", "a number or a text", got))
        }
    }
}
