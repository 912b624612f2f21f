//! A data file of a bundle read back, record by record.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::Layout;
use crate::error::{Error, Kind, Place, Result};

const BUFFER_BYTES: usize = 1 << 18;

/// Reads exactly what [`super::hex_file::HexFile`] writes: nothing else is a record.
pub struct HexReader<'a> {
    path: PathBuf,
    layout: &'a Layout,
    input: BufReader<File>,
    text: Vec<u8>,
    limbs: Vec<u64>,
    /// Lines read.
    lines: usize,
}

impl<'a> HexReader<'a> {
    /// Opens a file of so many records.
    ///
    /// # Errors
    /// It cannot be read, or its length is not that of so many records.
    pub fn open(path: &Path, layout: &'a Layout, records: u64) -> Result<HexReader<'a>> {
        let fail = |e| Error::io(path, "read this file of the bundle", e);
        let about = std::fs::metadata(path).map_err(fail)?;
        if !about.is_file() {
            return Err(Error::new(Kind::Io, "is no file").in_file(path));
        }
        let record = (layout.digits() as u64 + 1).saturating_mul(layout.words as u64);
        let wanted = record.checked_mul(records);
        if wanted != Some(about.len()) {
            let message = format!(
                "has {} bytes, but {records} records of {} lines of {} digits are wanted",
                about.len(),
                layout.words,
                layout.digits()
            );
            return Err(written_again(Error::new(Kind::Malformed, message).in_file(path)));
        }
        let input = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(fail)?);
        Ok(HexReader {
            path: path.to_path_buf(),
            layout,
            input,
            text: vec![0; layout.digits() + 1],
            limbs: vec![],
            lines: 0,
        })
    }

    /// The next record's values, in field order.
    ///
    /// # Errors
    /// The file ends, or a line is not as many lower-case hex digits as it must be.
    pub fn record(&mut self, values: &mut Vec<i64>) -> Result<()> {
        self.limbs.clear();
        for _ in 0..self.layout.words {
            self.input
                .read_exact(&mut self.text)
                .map_err(|e| Error::io(&self.path, "read this file of the bundle", e))?;
            self.lines += 1;
            self.word()?;
        }
        match self.layout.unpack(&self.limbs, values) {
            true => Ok(()),
            false => Err(self.fault("sets a bit that belongs to no field", 1)),
        }
    }

    fn word(&mut self) -> Result<()> {
        let digits = self.layout.digits();
        let from = self.limbs.len();
        self.limbs.resize(from + self.layout.word_bits.div_ceil(64), 0);
        for (at, byte) in self.text.iter().enumerate() {
            let value = match (byte, at == digits) {
                (b'\n', true) => continue,
                (b'0'..=b'9', false) => byte - b'0',
                (b'a'..=b'f', false) => byte - b'a' + 10,
                (_, true) => return Err(self.fault("is not where the line ends", at + 1)),
                (_, false) => return Err(self.fault("is no lower-case hex digit", at + 1)),
            };
            let place = digits - 1 - at;
            self.limbs[from + place / 16] |= u64::from(value) << (4 * (place % 16));
        }
        Ok(())
    }

    /// What is wrong with the record that was read last.
    pub fn fault_in_record(&self, message: impl Into<String>) -> Error {
        let line = self.lines + 1 - self.layout.words;
        let place = Place::Line { path: self.path.clone(), line, column: 1 };
        written_again(Error::new(Kind::Malformed, message).at(place))
    }

    fn fault(&self, message: &str, column: usize) -> Error {
        let place = Place::Line { path: self.path.clone(), line: self.lines, column };
        written_again(Error::new(Kind::Malformed, message).at(place))
    }
}

fn written_again(error: Error) -> Error {
    error.help("write the bundle again with `goldpath vectors`")
}
