//! The kinds of values that keys take.

use std::path::PathBuf;

use tinderbox::data::Background;

use super::document::Value;

/// A kind of value that a key can take.
pub trait FromValue: Sized {
    /// What is expected, in the words of an error message.
    const EXPECTED: &'static str;
    /// The value, if it is of this kind.
    fn from_value(value: &Value) -> Option<Self>;
    /// The value as a recipe has it.
    fn show(&self) -> String;
}

fn string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn shown<T: FromValue>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::show).collect();
    format!("[{}]", items.join(", "))
}

impl FromValue for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl FromValue for u64 {
    const EXPECTED: &'static str = "a whole number, 0 or more";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => (*number).try_into().ok(),
            _ => None,
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl FromValue for usize {
    const EXPECTED: &'static str = u64::EXPECTED;
    fn from_value(value: &Value) -> Option<Self> {
        u64::from_value(value).and_then(|number| number.try_into().ok())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl FromValue for f64 {
    const EXPECTED: &'static str = "a number";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }
    fn show(&self) -> String {
        toml::Value::from(*self).to_string()
    }
}

impl FromValue for String {
    const EXPECTED: &'static str = "a string";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    }
    fn show(&self) -> String {
        string(self)
    }
}

impl FromValue for Background {
    const EXPECTED: &'static str = "\"white\", \"black\", \"#rrggbb\", or a grey from 0 to 255";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => text.parse().ok(),
            Value::Integer(grey) => u8::try_from(*grey).ok().map(|grey| Self([grey; 3])),
            _ => None,
        }
    }
    fn show(&self) -> String {
        string(&self.to_string())
    }
}

impl FromValue for PathBuf {
    const EXPECTED: &'static str = "a path, as a string";
    fn from_value(value: &Value) -> Option<Self> {
        String::from_value(value)
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    }
    fn show(&self) -> String {
        string(&self.to_string_lossy())
    }
}

fn list<T: FromValue>(value: &Value) -> Option<Vec<T>> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| T::from_value(&item.value))
            .collect(),
        _ => None,
    }
}

impl FromValue for Vec<f64> {
    const EXPECTED: &'static str = "a list of numbers";
    fn from_value(value: &Value) -> Option<Self> {
        list(value)
    }
    fn show(&self) -> String {
        shown(self)
    }
}

impl FromValue for Vec<String> {
    const EXPECTED: &'static str = "a list of strings";
    fn from_value(value: &Value) -> Option<Self> {
        list(value)
    }
    fn show(&self) -> String {
        shown(self)
    }
}

impl FromValue for Vec<PathBuf> {
    const EXPECTED: &'static str = "a list of paths, as strings";
    fn from_value(value: &Value) -> Option<Self> {
        list(value)
    }
    fn show(&self) -> String {
        shown(self)
    }
}

impl FromValue for [f64; 2] {
    const EXPECTED: &'static str = "a list of two numbers";
    fn from_value(value: &Value) -> Option<Self> {
        Vec::<f64>::from_value(value).and_then(|items| items.try_into().ok())
    }
    fn show(&self) -> String {
        shown(self)
    }
}
