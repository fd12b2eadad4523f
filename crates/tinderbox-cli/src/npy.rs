//! NumPy's file format, version 1.0: matrices of 32-bit floats, written row by row.

use std::io::{self, Write};

/// Magic, version and length of the header come before it.
const PREFIX: usize = 10;

/// Writes the header of a little-endian `float32` matrix in C order; its values follow.
///
/// # Errors
/// What the writer says.
pub fn write_header(mut to: impl Write, rows: usize, columns: usize) -> io::Result<()> {
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // The header ends with a line break and its end is aligned to 64 bytes.
    let length = (PREFIX + header.len() + 1).next_multiple_of(64) - PREFIX;
    let width = length - 1;
    to.write_all(b"\x93NUMPY\x01\x00")?;
    to.write_all(&(length as u16).to_le_bytes())?;
    writeln!(to, "{header:<width$}")
}

/// Writes one row of values.
///
/// # Errors
/// What the writer says.
pub fn write_row(mut to: impl Write, values: &[f32]) -> io::Result<()> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    to.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_numpys_own() {
        let mut file = Vec::new();
        write_header(&mut file, 2, 3).unwrap();
        write_row(&mut file, &[1.0, f32::NAN, -2.5]).unwrap();
        assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
        let length = u16::from_le_bytes([file[8], file[9]]) as usize;
        assert_eq!((PREFIX + length) % 64, 0);
        let header = std::str::from_utf8(&file[PREFIX..PREFIX + length]).unwrap();
        assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
        assert!(header.ends_with('\n'));
        assert_eq!(file[PREFIX + length..].len(), 12);
        assert_eq!(&file[PREFIX + length..][..4], &1f32.to_le_bytes());
    }
}
