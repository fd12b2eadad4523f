//! Pictures in tar files.

mod index;

use std::collections::HashSet;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;

use crate::classes::classes;
use crate::fingerprint::{first, pieces};
use crate::odd_name::shown;
use crate::{Content, DataError, ImageItem, Labelled, Ledger, ReadConfig, Remark};
use index::{Member, index};

/// Pictures in tar files, in WebDataset's layout, read by index and not in sequence.
///
/// Members that follow each other and whose names are the same up to the first dot after the last `/` make one item: a picture
/// (`KEY.jpg`, `KEY.png`, `KEY.npy`, or another of [`ImageFolder::ENDINGS`](crate::ImageFolder::ENDINGS)) and, if it is there, its label: the text of `KEY.cls`, or else the field `label` (a number or
/// a text) of the object in `KEY.json`. Other members are ignored, and told in the ledger, as are second pictures of a key and labels that cannot be read. Classes are the distinct labels over all shards: in the order
/// of their values if all are whole numbers, else of their bytes.
///
/// [`TarShards::open`] reads the headers of all members, 512 bytes each, and the labels; it holds about 100 bytes an item. A picture
/// is read when its item is asked for. Tar files have to be uncompressed: nothing in a compressed one can be reached without what
/// is before it.
#[derive(Debug, Clone)]
pub struct TarShards {
    read: ReadConfig,
    shards: Vec<PathBuf>,
    items: Vec<Item>,
    labels: Vec<Option<u32>>,
    class_names: Vec<String>,
    ledger: Ledger,
    /// What precedes the ids of each shard's items, where keys repeat.
    prefixes: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Item {
    shard: u32,
    key: Box<str>,
    member: Member,
}

impl TarShards {
    /// Reads the headers of the shards, in the order given.
    ///
    /// # Errors
    /// [`DataError::Io`] when a shard cannot be read, [`DataError::Format`] for one that is compressed, cut short or no tar file, for a
    /// member that is absolute, leads out by `..`, is a link, a device or a pipe, [`DataError::Empty`] when there is no picture, [`DataError::Config`] as [`ReadConfig`] has it.
    pub fn open<P: AsRef<Path>>(shards: &[P], read: ReadConfig) -> Result<Self, DataError> {
        read.validate()?;
        let shards: Vec<PathBuf> = shards.iter().map(|path| path.as_ref().into()).collect();
        let (mut items, mut labels) = (Vec::new(), Vec::new());
        let mut ledger = Ledger::default();
        for (number, path) in (0..).zip(&shards) {
            let file = File::open(path).map_err(|source| DataError::io(path, source))?;
            for found in index(file, &mut ledger).map_err(|error| error.at(path))? {
                items.push(Item {
                    shard: number,
                    key: found.key.into_boxed_str(),
                    member: found.picture,
                });
                labels.push(found.label);
            }
        }
        if items.is_empty() {
            return Err(DataError::Empty {
                path: shards.into_iter().next().unwrap_or_default(),
                what: "pictures in tar files",
                ignored: 0,
            });
        }
        let classes = classes(&labels);
        ledger.extend(classes.ledger);
        if !classes.names.is_empty() {
            let mut without = items
                .iter()
                .zip(&labels)
                .filter(|(_, label)| label.is_none());
            let remark = Remark::new("images", without.clone().count(), "have no label");
            let keys = without.by_ref().map(|(item, _)| &*item.key);
            ledger.add(remark.of(items.len()).examples(keys));
        }
        Ok(Self {
            read,
            prefixes: prefixes(&shards, &items),
            shards,
            items,
            labels: classes.numbers,
            class_names: classes.names,
            ledger,
        })
    }

    /// The shard, at the beginning of a member.
    fn at(&self, item: &Item) -> Result<(&Path, File), DataError> {
        let path = &self.shards[item.shard as usize];
        let io = |source| DataError::io(path, source);
        let mut file = File::open(path).map_err(io)?;
        file.seek(SeekFrom::Start(item.member.start)).map_err(io)?;
        Ok((path, file))
    }
}

/// The names of the shards, or their paths where names repeat; none if every key occurs once.
fn prefixes(shards: &[PathBuf], items: &[Item]) -> Option<Vec<String>> {
    let mut keys = HashSet::new();
    if items.iter().all(|item| keys.insert(&item.key)) {
        return None;
    }
    let name = |path: &PathBuf| shown(path.file_name().unwrap_or_default());
    let mut names = HashSet::new();
    let differ = shards.iter().map(name).all(|name| names.insert(name));
    let whole = |path: &PathBuf| shown(path.as_os_str());
    Some(match differ {
        true => shards.iter().map(name).collect(),
        false => shards.iter().map(whole).collect(),
    })
}

impl Dataset<ImageItem, DataError> for TarShards {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        let item = &self.items[index];
        let (path, file) = self.at(item)?;
        let image = self.read.stream(file, item.member.length);
        // Errors name the member as if the shard were a folder.
        let image = image.map_err(|error| error.at(&path.join(&*item.key)))?;
        Ok(ImageItem {
            image,
            label: self.labels[index],
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.items.len()
    }
}

impl Labelled for TarShards {
    fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The key; where keys of different shards are the same, `SHARD/KEY`.
    fn id(&self, index: usize) -> String {
        let Item { shard, key, .. } = &self.items[index];
        match &self.prefixes {
            Some(prefixes) => format!("{}/{key}", prefixes[*shard as usize]),
            None => key.to_string(),
        }
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

impl Content for TarShards {
    /// The bytes of the picture's member.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let item = &self.items[index];
        let (path, file) = self.at(item)?;
        pieces(file, Some(item.member.length), sink).map_err(|source| DataError::io(path, source))
    }

    fn start(&self, index: usize, most: usize) -> Result<Vec<u8>, DataError> {
        let item = &self.items[index];
        let (path, file) = self.at(item)?;
        let most = most.min(usize::try_from(item.member.length).unwrap_or(most));
        first(file, most).map_err(|source| DataError::io(path, source))
    }
}
