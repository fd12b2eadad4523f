//! TensorBoard event files: TFRecord frames around `Event` messages, scalars only.
//!
//! Written here because the existing crate drags in an old protobuf and an image library.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::error::TrainError;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// Tells TensorBoard to forget what an earlier file says beyond the step.
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

const SESSION_START: i32 = 1;

/// One event file, appended to.
#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// A new file in `folder`; a run that goes on starts another one, marked as a restart.
    pub(crate) fn create(folder: &Path, resumed_at: Option<u64>) -> Result<Self, TrainError> {
        fs::create_dir_all(folder).map_err(TrainError::io("creating", folder))?;
        let seconds = wall_time();
        let name = format!("events.out.tfevents.{:.0}.{}", seconds, std::process::id());
        let path = (0..)
            .map(|count| folder.join(format!("{name}.{count}")))
            .find(|path| !path.exists())
            .expect("an unbounded range holds a free name");
        let file = File::create(&path).map_err(TrainError::io("creating", &path))?;
        let mut events = Self {
            path,
            file: BufWriter::new(file),
        };
        events.event(Event {
            wall_time: seconds,
            file_version: Some("brain.Event:2".to_string()),
            ..Event::default()
        })?;
        if let Some(step) = resumed_at {
            events.event(Event {
                wall_time: seconds,
                step: step as i64 + 1,
                session_log: Some(SessionLog {
                    status: SESSION_START,
                }),
                ..Event::default()
            })?;
        }
        events.flush()?;
        Ok(events)
    }

    pub(crate) fn scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<(), TrainError> {
        self.event(Event {
            wall_time: wall_time(),
            step: step as i64,
            summary: Some(Summary {
                value: vec![Value {
                    tag: tag.to_string(),
                    simple_value: Some(value as f32),
                }],
            }),
            ..Event::default()
        })
    }

    pub(crate) fn flush(&mut self) -> Result<(), TrainError> {
        self.file
            .flush()
            .map_err(TrainError::io("writing", &self.path))
    }

    /// A TFRecord: length, masked CRC of the length, data, masked CRC of the data.
    fn event(&mut self, event: Event) -> Result<(), TrainError> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let frame = [
            length.as_slice(),
            &masked_crc(&length).to_le_bytes(),
            &data,
            &masked_crc(&data).to_le_bytes(),
        ]
        .concat();
        self.file
            .write_all(&frame)
            .map_err(TrainError::io("writing", &self.path))
    }
}

fn wall_time() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// The CRC32C that TFRecord stores: rotated right by 15 bits, plus a constant.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_hold_what_was_written() {
        let root = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(root.path(), Some(4)).unwrap();
        events.scalar(5, "train/loss", 0.5).unwrap();
        events.flush().unwrap();
        let bytes = fs::read(&events.path).unwrap();
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let crc = u32::from_le_bytes(rest[8..12].try_into().unwrap());
            assert_eq!(crc, masked_crc(&rest[..8]));
            let data = &rest[12..12 + length];
            let crc = u32::from_le_bytes(rest[12 + length..16 + length].try_into().unwrap());
            assert_eq!(crc, masked_crc(data));
            found.push(Event::decode(data).unwrap());
            rest = &rest[16 + length..];
        }
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].step, 5);
        let value = &found[2].summary.as_ref().unwrap().value[0];
        assert_eq!(
            (value.tag.as_str(), value.simple_value),
            ("train/loss", Some(0.5))
        );
    }
}
