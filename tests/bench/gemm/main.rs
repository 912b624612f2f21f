//! `make bench`: the functional engine against ONNX Runtime, NumPy and a bare loop, side by side in one run, one
//! thread each; then threads, cost against extents, and a network of ResNet-18's size.
//!
//! Arguments: names of sections (`tables threads sweep widths network`), part of a table's title, or `--quick`.

mod bare;
mod clock;
mod contest;
mod network;
mod operands;
mod ours;
mod peer;
mod shapes;
mod sweep;
mod table;
mod threads;
mod widths;

use std::cell::RefCell;
use std::path::Path;

use bare::Vectors;
use peer::Peer;
use table::{Bench, MODES};

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--layers") => return network::layers(arguments[1].parse().expect("a number of images")),
        Some("--model") => {
            let images = arguments[1].parse().expect("a number of images");
            return network::model(images, Path::new(&arguments[2]));
        }
        _ => {}
    }
    let quick = arguments.iter().any(|a| a == "--quick");
    let wanted: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
    let asked = |section: &str| wanted.is_empty() || wanted.iter().any(|w| section.contains(w.as_str()));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-gemm");
    std::fs::create_dir_all(&folder).expect("a folder under target");
    let peer = Peer::start(&folder).map(RefCell::new);
    match &peer {
        Ok(peer) => println!("Peers: {}", peer.borrow().versions),
        Err(message) => println!("ONNX Runtime and NumPy are left out: {message}"),
    }
    let vectors = Vectors::here();
    match vectors {
        Some(vectors) => println!("Bare loop: {vectors:?}"),
        None => println!("The bare loop is left out: it has only been written for AVX2 and AVX-512"),
    }
    let pool = ours::pool(1);
    let bench = Bench { pool: &pool, peer: peer.as_ref().ok(), vectors, rounds: ROUNDS, quick };
    for mode in MODES.iter().filter(|mode| asked("tables") || asked(mode.title)) {
        bench.table(mode);
    }
    if asked("threads") {
        threads::report(quick);
    }
    if asked("sweep") {
        sweep::report(quick);
    }
    if asked("widths") {
        widths::report(&pool);
    }
    if asked("network") {
        network::report(&folder, quick);
    }
}
