//! A training and a test set as one, so that an index names an item of either.

use std::sync::Arc;

use burn::data::dataset::Dataset;

use crate::{Content, DataError, ImageItem, ImageSource, Labelled};

/// Two data sets, the second behind the first.
///
/// The classes are those of the first. Those of the second are matched by name, so that a folder
/// that lacks a class does not shift the others. Ids of the second are `test/ID`.
pub struct Joined {
    train: Arc<dyn ImageSource>,
    test: Arc<dyn ImageSource>,
    /// The first's number of each class of the second.
    classes: Vec<u32>,
}

impl Joined {
    /// Joins a training and a test set.
    ///
    /// # Errors
    /// [`DataError::Config`] if the test set has a class that the training set lacks.
    pub fn new(train: Arc<dyn ImageSource>, test: Arc<dyn ImageSource>) -> Result<Self, DataError> {
        Ok(Self {
            classes: numbers(train.class_names(), test.class_names())?,
            train,
            test,
        })
    }

    /// Which of the two holds an item, and its index there.
    fn part(&self, index: usize) -> (&dyn ImageSource, usize) {
        match index.checked_sub(self.train.len()) {
            None => (&*self.train, index),
            Some(index) => (&*self.test, index),
        }
    }
}

/// The training data's number of each class of the test data.
pub(crate) fn numbers(train: &[String], test: &[String]) -> Result<Vec<u32>, DataError> {
    let number = |name: &String| {
        let found = train.iter().position(|known| known == name);
        found.map(|class| class as u32).ok_or_else(|| {
            let expected = format!("classes of the training data: {}", train.join(", "));
            DataError::config("test", expected, format!("the class {name}"))
        })
    };
    test.iter().map(number).collect()
}

impl Dataset<ImageItem, DataError> for Joined {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        let (part, inside) = self.part(index);
        let mut item = part.get(inside)?;
        item.label = self.label(index);
        item.id = self.id(index);
        Ok(item)
    }

    fn len(&self) -> usize {
        self.train.len() + self.test.len()
    }
}

impl Labelled for Joined {
    fn label(&self, index: usize) -> Option<u32> {
        let (part, inside) = self.part(index);
        let label = part.label(inside)?;
        if index < self.train.len() {
            Some(label)
        } else {
            Some(self.classes[label as usize])
        }
    }

    fn class_names(&self) -> &[String] {
        self.train.class_names()
    }

    fn id(&self, index: usize) -> String {
        let (part, inside) = self.part(index);
        let id = part.id(inside);
        if index < self.train.len() {
            id
        } else {
            format!("test/{id}")
        }
    }
}

impl Content for Joined {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let (part, inside) = self.part(index);
        part.content(inside, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InMemoryImages, Pixels, fingerprint};

    fn images(values: &[u8], labels: &[u32], classes: &[&str]) -> Arc<dyn ImageSource> {
        let classes = classes.iter().map(|name| name.to_string()).collect();
        let pixels = Pixels::U8(values.to_vec());
        Arc::new(InMemoryImages::new([1, 1, 1], pixels, Some(labels.to_vec()), classes).unwrap())
    }

    #[test]
    fn the_second_follows_the_first_and_classes_match_by_name() {
        let train = images(&[1, 2, 3], &[0, 1, 2], &["a", "b", "c"]);
        let test = images(&[4, 5], &[1, 0], &["a", "c"]);
        let joined = Joined::new(train.clone(), test).unwrap();
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
        let error = Joined::new(train, test).err().unwrap().to_string();
        assert!(
            error.contains("the class d") && error.contains("a, b"),
            "{error}"
        );
    }
}
