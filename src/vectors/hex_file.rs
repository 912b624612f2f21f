//! One data file of a bundle: words as hex lines in the one form that every simulator loads alike.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Layout, Sum};
use crate::error::{Error, Result};

const BUFFER_BYTES: usize = 1 << 18;

/// Exactly ceil(width / 4) lower-case digits a line, LF, nothing else; counts, sums and hashes as it goes.
pub struct HexFile {
    path: PathBuf,
    /// Nowhere without it: only counted, summed and hashed.
    out: Option<BufWriter<File>>,
    hash: Sha256,
    sum: Sum,
    records: u64,
    lines: u64,
    text: Vec<u8>,
}

/// What the header and the manifest say about a finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub records: u64,
    pub lines: u64,
    pub sum: u32,
    pub sha256: String,
}

impl HexFile {
    pub fn create(path: &Path) -> Result<HexFile> {
        let file = File::create(path).map_err(|e| Error::io(path, "write this file", e))?;
        let out = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(HexFile { path: path.to_path_buf(), out, ..HexFile::nowhere() })
    }

    /// A file that nobody writes.
    pub fn nowhere() -> HexFile {
        HexFile {
            path: PathBuf::new(),
            out: None,
            hash: Sha256::new(),
            sum: Sum::default(),
            records: 0,
            lines: 0,
            text: Vec::new(),
        }
    }

    /// Appends one packed record: `layout.words` lines, the least significant word first.
    pub fn record(&mut self, layout: &Layout, limbs: &[u64]) -> Result<()> {
        self.text.clear();
        for word in limbs.chunks_exact(layout.word_bits.div_ceil(64)) {
            self.sum.word(word, layout.word_bits);
            push_hex(&mut self.text, word, layout.digits());
            self.text.push(b'\n');
            self.lines += 1;
        }
        self.records += 1;
        self.hash.update(&self.text);
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(&self.text).map_err(|e| Error::io(&self.path, "write this file", e))
    }

    pub fn finish(mut self) -> Result<Written> {
        if let Some(out) = &mut self.out {
            out.flush().map_err(|e| Error::io(&self.path, "write this file", e))?;
        }
        Ok(Written {
            records: self.records,
            lines: self.lines,
            sum: self.sum.value(),
            sha256: hex_digest(&self.hash.finalize()),
        })
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The low `digits` digits of a word, most significant first: the odd ones of the top limb, then whole limbs.
fn push_hex(text: &mut Vec<u8>, limbs: &[u64], digits: usize) {
    let digit = |limb: u64, at: usize| DIGITS[((limb >> (4 * at)) & 15) as usize];
    let (whole, rest) = (digits / 16, digits % 16);
    text.extend((0..rest).rev().map(|at| digit(limbs[whole], at)));
    for limb in limbs[..whole].iter().rev() {
        let all: [u8; 16] = std::array::from_fn(|i| digit(*limb, 15 - i));
        text.extend_from_slice(&all);
    }
}

/// Lower-case hex of a digest.
pub fn hex_digest(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of some bytes, as lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex_digest(&Sha256::digest(bytes))
}
