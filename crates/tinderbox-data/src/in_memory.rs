//! Pictures of one size held in memory.

use burn::data::dataset::Dataset;

use crate::{Content, DataError, Image, ImageItem, Labelled, Pixels};

/// Pictures of one size in one piece of memory, with or without labels.
#[derive(Debug, Clone, PartialEq)]
pub struct InMemoryImages {
    shape: [usize; 3],
    pixels: Pixels,
    labels: Option<Vec<u32>>,
    class_names: Vec<String>,
    count: usize,
}

impl InMemoryImages {
    /// Pictures of `height` x `width` x `channels`, one after the other in `pixels`.
    ///
    /// # Errors
    /// [`DataError::Config`] when a dimension is 0, when the values are no whole number of pictures, when there is not one label
    /// for each picture, or when a label has no class name.
    pub fn new(
        [height, width, channels]: [usize; 3],
        pixels: Pixels,
        labels: Option<Vec<u32>>,
        class_names: Vec<String>,
    ) -> Result<Self, DataError> {
        let shape = [height, width, channels];
        let each = height
            .checked_mul(width)
            .and_then(|area| area.checked_mul(channels))
            .filter(|each| *each > 0)
            .ok_or_else(|| {
                DataError::config("shape", "positive dimensions", format!("{shape:?}"))
            })?;
        if !pixels.len().is_multiple_of(each) {
            return Err(DataError::config(
                "pixels",
                format!("a multiple of {each} values"),
                pixels.len(),
            ));
        }
        let count = pixels.len() / each;
        if let Some(labels) = &labels {
            if labels.len() != count {
                return Err(DataError::config(
                    "labels",
                    format!("{count}, one for each picture"),
                    labels.len(),
                ));
            }
            let unnamed = labels
                .iter()
                .find(|label| **label as usize >= class_names.len());
            if let Some(label) = unnamed {
                return Err(DataError::config(
                    "labels",
                    format!("values below {}", class_names.len()),
                    label,
                ));
            }
        }
        Ok(Self {
            shape,
            pixels,
            labels,
            class_names,
            count,
        })
    }

    /// Height, width and channels of every picture.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn span(&self, index: usize) -> std::ops::Range<usize> {
        assert!(
            index < self.count,
            "item {index} of a data set of {}",
            self.count
        );
        let each = self.shape.iter().product::<usize>();
        index * each..(index + 1) * each
    }
}

impl Dataset<ImageItem, DataError> for InMemoryImages {
    fn get(&self, index: usize) -> Result<ImageItem, DataError> {
        let span = self.span(index);
        let pixels = match &self.pixels {
            Pixels::U8(values) => Pixels::U8(values[span].to_vec()),
            Pixels::F32(values) => Pixels::F32(values[span].to_vec()),
        };
        let [height, width, channels] = self.shape;
        Ok(ImageItem {
            image: Image::new(height, width, channels, pixels),
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.count
    }
}

impl Labelled for InMemoryImages {
    fn label(&self, index: usize) -> Option<u32> {
        self.labels.as_ref().map(|labels| labels[index])
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        index.to_string()
    }
}

impl Content for InMemoryImages {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let span = self.span(index);
        for dimension in self.shape {
            sink(&(dimension as u64).to_le_bytes());
        }
        match &self.pixels {
            Pixels::U8(values) => sink(&values[span]),
            Pixels::F32(values) => {
                let bytes: Vec<u8> = values[span].iter().flat_map(|v| v.to_le_bytes()).collect();
                sink(&bytes);
            }
        }
        Ok(())
    }
}
