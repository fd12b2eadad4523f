//! Several data sets as one, so that an index names an item of any.

use std::ffi::OsString;
use std::sync::Arc;

use burn::data::dataset::Dataset;

use crate::odd_name::shown;
use crate::same_value::{respelt, same_value};
use crate::{Content, DataError, ImageItem, Labelled, Ledger};

/// An item that carries its label and its name.
pub trait Named {
    /// Gives it others.
    fn rename(&mut self, label: Option<u32>, id: String);
}

impl Named for ImageItem {
    fn rename(&mut self, label: Option<u32>, id: String) {
        (self.label, self.id) = (label, id);
    }
}

/// Data sets one behind the other.
pub struct Joined<S: ?Sized> {
    parts: Vec<Part<S>>,
    class_names: Vec<String>,
    ledger: Ledger,
}

struct Part<S: ?Sized> {
    items: Arc<S>,
    /// The index of its first item.
    first: usize,
    /// What precedes the ids of its items.
    prefix: String,
    /// The number, in all, of each of its own classes.
    classes: Vec<u32>,
}

impl<S: Labelled + ?Sized> Joined<S> {
    /// A training and a test set.
    ///
    /// The classes are those of the first. Those of the second are matched by name, whatever its spelling, so that a folder
    /// that lacks a class does not shift the others. Ids of the second are `test/ID`.
    ///
    /// # Errors
    /// [`DataError::Config`] if the test set has a class that the training set lacks.
    pub fn new<I>(train: Arc<S>, test: Arc<S>) -> Result<Self, DataError>
    where
        S: Dataset<I, DataError>,
    {
        let class_names = train.class_names().to_vec();
        let (_, ledger) = numbers(&class_names, test.class_names())?;
        let parts = [(String::new(), train), ("test/".to_owned(), test)];
        Ok(Self {
            ledger,
            ..Self::build(parts.into(), class_names)
        })
    }

    /// Data sets with a name each, such as that of a file; an id is `NAME/ID`. The classes are those of all, in the order in which they come.
    pub fn of_named<I>(parts: Vec<(OsString, Arc<S>)>) -> Self
    where
        S: Dataset<I, DataError>,
    {
        let mut class_names: Vec<String> = Vec::new();
        for name in parts.iter().flat_map(|(_, items)| items.class_names()) {
            if !class_names.contains(name) {
                class_names.push(name.clone());
            }
        }
        let parts = parts.into_iter();
        let parts = parts.map(|(name, items)| (format!("{}/", shown(&name)), items));
        Self::build(parts.collect(), class_names)
    }

    fn build<I>(parts: Vec<(String, Arc<S>)>, class_names: Vec<String>) -> Self
    where
        S: Dataset<I, DataError>,
    {
        let mut first = 0;
        let part = |(prefix, items): (String, Arc<S>)| {
            let classes = numbers(&class_names, items.class_names());
            let part = Part {
                classes: classes.expect("the classes of all parts are known").0,
                first,
                prefix,
                items,
            };
            first += part.items.len();
            part
        };
        Self {
            parts: parts.into_iter().map(part).collect(),
            class_names,
            ledger: Ledger::default(),
        }
    }

    /// The part that holds an item, and its index there.
    fn part(&self, index: usize) -> (&Part<S>, usize) {
        let behind = self.parts.partition_point(|part| part.first <= index);
        let part = &self.parts[behind - 1];
        (part, index - part.first)
    }
}

/// The training data's number of each class of the test data, and which of these are spelt otherwise there.
pub(crate) fn numbers(train: &[String], test: &[String]) -> Result<(Vec<u32>, Ledger), DataError> {
    let mut other = Vec::new();
    let number = |name: &String| {
        let same = |known: &String| known == name;
        let alike = |known: &String| same_value(known) == same_value(name);
        let found = train.iter().position(same);
        let found = found.or_else(|| train.iter().position(alike));
        let class = found.ok_or_else(|| {
            let expected = format!("classes of the training data: {}", train.join(", "));
            DataError::config("test", expected, format!("the class {name}"))
        })?;
        if train[class] != *name {
            other.push((name.clone(), train[class].clone()));
        }
        Ok(class as u32)
    };
    let numbers = test.iter().map(number).collect::<Result<_, DataError>>()?;
    let pairs: Vec<(&str, &str)> = other.iter().map(|(a, b)| (&**a, &**b)).collect();
    let mut ledger = Ledger::default();
    ledger.add(respelt("classes of the test data", &pairs).of(test.len()));
    Ok((numbers, ledger))
}

impl<I: Named, S: Dataset<I, DataError> + Labelled + ?Sized> Dataset<I, DataError> for Joined<S> {
    fn get(&self, index: usize) -> Result<I, DataError> {
        let (part, inside) = self.part(index);
        let mut item = part.items.get(inside)?;
        item.rename(self.label(index), self.id(index));
        Ok(item)
    }

    fn len(&self) -> usize {
        let last = self.parts.last();
        last.map_or(0, |part| part.first + part.items.len())
    }
}

impl<S: Labelled + ?Sized> Labelled for Joined<S> {
    fn label(&self, index: usize) -> Option<u32> {
        let (part, inside) = self.part(index);
        let label = part.items.label(inside)?;
        Some(part.classes[label as usize])
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        let (part, inside) = self.part(index);
        format!("{}{}", part.prefix, part.items.id(inside))
    }

    fn place(&self, index: usize) -> Option<String> {
        let (part, inside) = self.part(index);
        part.items.place(inside)
    }

    fn group(&self, index: usize) -> Option<String> {
        let (part, inside) = self.part(index);
        part.items.group(inside)
    }

    fn ledger(&self) -> Ledger {
        let mut all = self.ledger.clone();
        for part in &self.parts {
            all.extend(part.items.ledger());
        }
        all
    }
}

impl<S: Labelled + Content + ?Sized> Content for Joined<S> {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let (part, inside) = self.part(index);
        part.items.content(inside, sink)
    }

    fn start(&self, index: usize, most: usize) -> Result<Vec<u8>, DataError> {
        let (part, inside) = self.part(index);
        part.items.start(inside, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageSource, InMemoryImages, Pixels, fingerprint};

    fn images(values: &[u8], labels: &[u32], classes: &[&str]) -> Arc<dyn ImageSource> {
        let classes = classes.iter().map(|name| name.to_string()).collect();
        let pixels = Pixels::U8(values.to_vec());
        Arc::new(InMemoryImages::new([1, 1, 1], pixels, Some(labels.to_vec()), classes).unwrap())
    }

    #[test]
    fn the_second_follows_the_first_and_classes_match_by_name() {
        let train = images(&[1, 2, 3], &[0, 1, 2], &["a", "b", "c"]);
        let test = images(&[4, 5], &[1, 0], &["a", "c"]);
        let joined = Joined::<dyn ImageSource>::new(train.clone(), test).unwrap();
        assert_eq!(joined.len(), 5);
        let items: Vec<_> = (0..5).map(|index| joined.get(index).unwrap()).collect();
        let labels: Vec<_> = items.iter().map(|item| item.label.unwrap()).collect();
        assert_eq!(labels, [0, 1, 2, 2, 0]);
        let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["0", "1", "2", "test/0", "test/1"]);
        assert_eq!(items[3].image.pixels, Pixels::U8(vec![4]));
        assert_eq!(joined.class_names().len(), 3);
        assert_ne!(fingerprint(&joined), fingerprint(&*train));
    }

    #[test]
    fn a_class_that_was_never_trained_on_is_refused() {
        let train = images(&[1, 2], &[0, 1], &["a", "b"]);
        let test = images(&[4], &[0], &["d"]);
        let error = Joined::<dyn ImageSource>::new(train, test)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("the class d") && error.contains("a, b"),
            "{error}"
        );
    }

    #[test]
    fn a_class_is_the_same_in_another_spelling() {
        let train = images(&[1, 2], &[0, 1], &["caf\u{e9}", "x"]);
        let test = images(&[4], &[0], &["cafe\u{301}"]);
        let joined = Joined::<dyn ImageSource>::new(train, test).unwrap();
        assert_eq!(joined.label(2), Some(0));
        assert_eq!(joined.class_names(), ["caf\u{e9}", "x"]);
        assert_eq!(
            joined.ledger().remarks()[0].to_string(),
            "1 of 1 classes of the test data are other spellings of the same value, and count as it (\"cafe\\u{301}\" as \"café\")"
        );
    }

    #[test]
    fn named_parts_keep_their_order_and_share_classes() {
        let parts = [
            ("x".into(), images(&[1, 2], &[0, 1], &["b", "a"])),
            ("y".into(), images(&[3, 4], &[1, 0], &["a", "c"])),
        ];
        let joined: Joined<dyn ImageSource> = Joined::of_named(parts.into());
        assert_eq!(joined.class_names(), ["b", "a", "c"]);
        let items: Vec<_> = (0..4).map(|index| joined.get(index).unwrap()).collect();
        let labels: Vec<_> = items.iter().map(|item| item.label.unwrap()).collect();
        assert_eq!(labels, [0, 1, 2, 1]);
        let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["x/0", "x/1", "y/0", "y/1"]);
    }
}
