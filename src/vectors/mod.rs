//! Golden bundles: a trace written down for other people's RTL, and the simulators that check it.
//!
//! A bundle is a folder (`bundle`): stimulus and expected values as hex lines, a manifest, and a testbench
//! that checks the files' counts and sums before it believes them. `cosim` runs one, `read_back` makes a program of one.

mod beats;
mod bundle;
mod by_hand;
pub mod case;
mod channels;
pub mod cosim;
mod data_files;
mod data_writer;
mod gaps;
mod hex_file;
mod hex_reader;
mod layout;
pub mod manifest;
mod provenance;
pub mod read_back;
mod sum;
pub mod testbench;
mod validity;

pub use bundle::BundleWriter;
pub use data_files::{DATA_FILES, Layouts, port_name};
pub use hex_file::sha256;
pub use layout::{Field, Layout, MAX_WORD_BITS};
pub use manifest::{Found, GapsEntry, Manifest, Provenance};
pub use sum::Sum;
