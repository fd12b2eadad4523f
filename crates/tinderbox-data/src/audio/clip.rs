//! Sound in memory.

/// Sound of one sample rate with interleaved channels.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioClip {
    /// Samples a second of each channel, in hertz; not 0.
    pub rate: u32,
    /// Values at each moment: 1 for mono, 2 for left and right; others are allowed, 0 is not.
    pub channels: usize,
    /// The values, the channels of one moment beside each other. Full scale is -1 to 1; louder ones are kept.
    pub samples: Vec<f32>,
}

/// A clip with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioItem {
    /// The clip.
    pub clip: AudioClip,
    /// The number of its class, if it has one.
    pub label: Option<u32>,
    /// Its name: the path relative to the data set's root with `/` between folders, or its index.
    pub id: String,
}

impl AudioClip {
    /// A clip of these values.
    ///
    /// # Panics
    /// If the rate or the channels are 0, or if the values are no whole number of moments.
    pub fn new(rate: u32, channels: usize, samples: Vec<f32>) -> Self {
        let clip = Self {
            rate,
            channels,
            samples,
        };
        clip.check();
        clip
    }

    /// Samples of each channel.
    ///
    /// # Panics
    /// As [`AudioClip::new`].
    pub fn length(&self) -> usize {
        self.check();
        self.samples.len() / self.channels
    }

    /// The same clip with one channel, the mean of all.
    ///
    /// # Panics
    /// As [`AudioClip::new`].
    #[must_use]
    pub fn mono(self) -> Self {
        self.check();
        if self.channels == 1 {
            return self;
        }
        let moments = self.samples.chunks_exact(self.channels);
        let share = 1.0 / self.channels as f32;
        let samples = moments.map(|values| values.iter().sum::<f32>() * share);
        Self::new(self.rate, 1, samples.collect())
    }

    fn check(&self) {
        let (rate, channels, values) = (self.rate, self.channels, self.samples.len());
        assert!(
            rate > 0 && channels > 0 && values.is_multiple_of(channels),
            "a clip of {channels} channels at {rate} Hz has {values} values"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_mixed_by_their_mean() {
        let clip = AudioClip::new(8_000, 2, vec![0.5, -0.5, 1.0, 0.0]);
        assert_eq!(clip.length(), 2);
        let mono = clip.mono();
        assert_eq!(mono, AudioClip::new(8_000, 1, vec![0.0, 0.5]));
        assert_eq!(mono.clone().mono(), mono);
    }

    #[test]
    #[should_panic(expected = "a clip of 2 channels at 8000 Hz has 3 values")]
    fn a_moment_that_is_not_whole_panics() {
        AudioClip::new(8_000, 2, vec![0.0; 3]);
    }
}
