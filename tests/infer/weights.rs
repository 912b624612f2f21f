//! Weights whose scales belong to other slices than the output's channels.

use std::path::Path;

use goldpath::functional::folded;
use goldpath::functional::graph::infer;
use goldpath::functional::operators::Framework;
use goldpath::import::npy::read_npy;
use goldpath::import::onnx;

/// Weights `[2, K, N]`, K and N of one length, with scales along axis 1: those are K's, not the channels'. `cases` holds
/// ONNX Runtime's answer with optimisations off.
#[test]
fn scales_along_k_of_a_batched_product_are_not_the_channels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/infer/cases");
    let x = read_npy(&folder.join("w3d_axis1.npy")).unwrap();
    let expected = read_npy(&folder.join("w3d_axis1.ort.npy")).unwrap();
    let (written, _) = folded(onnx::read(&folder.join("w3d_axis1.onnx")).unwrap());
    for network in [written.clone(), written.fused()] {
        let found = infer(&network, &x, &Framework).unwrap();
        let y = found.iter().find(|(name, _)| name == "y").map(|(_, tensor)| tensor);
        assert_eq!(y, Some(&expected));
    }
}
