//! Folders and files that appear whole or not at all, and what is left when somebody ends us in between.
//!
//! Everything is written in a [`Stage`]: a hidden folder beside its target, whose owner holds a lock for as long as
//! it lives. An [`OutputFolder`] takes the place of its target in one exchange of names, under a lock on the folder
//! around it; a [`PendingFile`] in one rename. What a dead process left is removed by whoever stages there next
//! ([`sweep`]), and an interrupted process removes its own ([`interrupt`]).
//!
//! # What may be replaced
//! A folder that is empty, or in which every entry is a regular file that its index ([`Index`], or a bundle's
//! manifest) names, with the bytes that were written. Anything else is an error that names it, and nothing has moved.
//!
//! # Mount points
//! The name of a mount point cannot be exchanged. There the files move one by one, out and in, the index first and last;
//! a kill in between is made good by whoever stages there next. Only there can a reader see a folder without an index.

mod earlier;
mod exchange;
mod fault;
mod index;
pub mod interrupt;
mod lock;
mod output;
mod pending;
mod place;
mod snapshot;
mod stage;
mod typed;
mod workshop;

pub use index::{INDEX, Index, refuse_strangers, sha256};
pub use lock::{hold, try_clear};
pub use output::{Committed, OutputFolder, TraceFile};
pub use pending::PendingFile;
pub use place::prepare;
pub use stage::{Stage, is_stage, leftovers, sweep};
pub use typed::as_typed;
pub use workshop::Workshop;
