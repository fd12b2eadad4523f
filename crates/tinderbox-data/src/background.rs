//! The colour that transparent pixels are laid over.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// A colour that transparent pixels are laid over: red, green and blue.
///
/// It is written as `white`, `black`, `grey`, `#rrggbb`, or as a grey from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Background(pub [u8; 3]);

impl Background {
    /// What most pictures are shown on.
    pub const WHITE: Self = Self([255; 3]);
    /// No light.
    pub const BLACK: Self = Self([0; 3]);

    /// Whether it turns no grey picture into a coloured one.
    #[cfg(feature = "image")]
    pub(crate) fn is_grey(self) -> bool {
        self.0[0] == self.0[1] && self.0[1] == self.0[2]
    }
}

impl Default for Background {
    /// White.
    fn default() -> Self {
        Self::WHITE
    }
}

impl FromStr for Background {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let named = match text.trim().to_ascii_lowercase().as_str() {
            "white" => Some(Self::WHITE),
            "black" => Some(Self::BLACK),
            "grey" | "gray" => Some(Self([128; 3])),
            hex if hex.starts_with('#') && hex.len() == 7 && hex.is_ascii() => {
                let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
                byte(1)
                    .zip(byte(3))
                    .zip(byte(5))
                    .map(|((r, g), b)| Self([r, g, b]))
            }
            number => number.parse().ok().map(|grey: u8| Self([grey; 3])),
        };
        let expected = "\"white\", \"black\", \"#rrggbb\", or a grey from 0 to 255";
        named.ok_or_else(|| DataError::config("data.background", expected, format!("{text:?}")))
    }
}

impl TryFrom<String> for Background {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<Background> for String {
    fn from(value: Background) -> Self {
        value.to_string()
    }
}

impl fmt::Display for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::WHITE => f.write_str("white"),
            Self::BLACK => f.write_str("black"),
            Self([r, g, b]) => write!(f, "#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_written() {
        for (text, colour, written) in [
            ("white", [255; 3], "white"),
            ("Black", [0; 3], "black"),
            ("grey", [128; 3], "#808080"),
            ("#FF8000", [255, 128, 0], "#ff8000"),
            ("128", [128; 3], "#808080"),
            ("#ffffff", [255; 3], "white"),
        ] {
            let read: Background = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (colour, written));
        }
        for text in ["", "pink!", "#fff", "#12345g", "256", "-1", "#\u{e9}1234"] {
            let error = text.parse::<Background>().unwrap_err().to_string();
            assert!(
                error.contains("`data.background`") && error.contains("#rrggbb"),
                "{error}"
            );
        }
    }
}
