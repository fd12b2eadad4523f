//! What the files of pictures hold that is not used as it is: transparency, colour, further pictures.

use std::path::Path;

use ::image::ImageFormat;
use rayon::prelude::*;

use crate::decode::{Alpha, Header, is_npy, is_transparent};
use crate::{Background, DecodeLimits, ImageSource, Ledger, Remark};

/// Bytes at the start of a file in which most headers end.
const START: usize = 1 << 14;

/// What the headers of all pictures of a source tell, and of those that may be transparent their pixels.
#[derive(Debug, Clone, Default)]
pub struct ImageSurvey {
    pictures: Vec<Facts>,
}

/// What is worth telling of a picture.
#[derive(Debug, Clone, Default)]
struct Facts {
    coloured: Option<bool>,
    transparent: bool,
    has_key: bool,
    several: bool,
    /// What it is, where its name says otherwise.
    format: Option<ImageFormat>,
    unreadable: Option<String>,
}

impl ImageSurvey {
    /// Looks at all items of a source of files, by as many threads as rayon has.
    ///
    /// It reads the start of each file; GIF, and what may be transparent it reads whole, and decodes the last.
    pub fn of(source: &dyn ImageSource, limits: &DecodeLimits) -> Self {
        let items = (0..source.len()).into_par_iter();
        let facts = |index| match facts(source, index, limits) {
            Ok(facts) => facts,
            Err(reason) => Facts {
                unreadable: Some(reason),
                ..Facts::default()
            },
        };
        Self {
            pictures: items.map(facts).collect(),
        }
    }

    /// 3 if any picture is in colour, 1 if all are grey; none if no header tells.
    pub fn channels(&self) -> Option<usize> {
        let mut known = self.pictures.iter().filter_map(|facts| facts.coloured);
        let first = known.next()?;
        Some(if first || known.any(|coloured| coloured) {
            3
        } else {
            1
        })
    }

    /// What of the pictures is not used as it is when they are read with so many channels over a background. `guessed` says that nobody
    /// named the channels.
    pub fn ledger(
        &self,
        source: &dyn ImageSource,
        channels: usize,
        guessed: bool,
        background: Background,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        let mut tell = |which: &dyn Fn(&Facts) -> bool, becomes: String, key: &str| {
            let of_these = || (0..).zip(&self.pictures).filter(|(_, facts)| which(facts));
            let shown = of_these().map(|(index, facts)| match (&facts.unreadable, facts.format) {
                (Some(reason), _) => reason.clone(),
                (None, Some(format)) => format!("{}: {format:?}", source.id(index)),
                (None, None) => source.id(index),
            });
            let remark = Remark::new("images", of_these().count(), becomes)
                .of(self.pictures.len())
                .examples(shown);
            ledger.add(match key {
                "" => remark,
                key => remark.key(key),
            });
        };
        tell(
            &|facts| facts.unreadable.is_some(),
            "cannot be read".into(),
            "",
        );
        let other = if background == Background::WHITE {
            "black"
        } else {
            "white"
        };
        tell(
            &|facts| facts.transparent,
            format!("are transparent in places, which are laid over {background}"),
            &format!("data.background = \"{other}\""),
        );
        tell(
            &|facts| facts.has_key,
            "mark a colour as transparent; it is read as it is".into(),
            "",
        );
        if channels == 1 {
            let becomes = "are in colour and are read as grey".to_owned();
            tell(
                &|facts| facts.coloured == Some(true),
                becomes,
                "data.channels = 3",
            );
        } else if guessed {
            let becomes = "are grey and are read in colour, since others have it".to_owned();
            tell(
                &|facts| facts.coloured == Some(false),
                becomes,
                "data.channels = 1",
            );
        }
        let becomes = "hold several pictures, as animations do; the first is read";
        tell(&|facts| facts.several, becomes.into(), "");
        let becomes = "have another format than their names say, and are read as what they are";
        tell(&|facts| facts.format.is_some(), becomes.into(), "");
        ledger
    }
}

/// What a picture's header tells, or why it has none.
fn facts(source: &dyn ImageSource, index: usize, limits: &DecodeLimits) -> Result<Facts, String> {
    let most = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX);
    let read = |most: usize| source.start(index, most).map_err(|error| error.to_string());
    let mut bytes = read(START)?;
    if is_npy(&bytes) {
        return Ok(Facts::default());
    }
    let none = || format!("{}: not a readable picture", source.id(index));
    let mut header = Header::of(&bytes).ok_or_else(none)?;
    let transparent = header.alpha == Alpha::Possible;
    if bytes.len() == START && (transparent || !header.is_enough()) {
        bytes = read(most)?;
        header = Header::of(&bytes).ok_or_else(none)?;
    }
    let id = source.id(index);
    let ending = Path::new(&id).extension().unwrap_or_default();
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    Ok(Facts {
        coloured: header.coloured,
        // What cannot be decoded is found when it is read.
        transparent: header.alpha == Alpha::Possible
            && is_transparent(&bytes, limits).unwrap_or(false),
        has_key: header.alpha == Alpha::Key,
        several: header.several,
        format: (!header.fits(&ending)).then_some(header.format),
        unreadable: None,
    })
}
