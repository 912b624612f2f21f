//! float32 products and Softmax: the order of additions is ONNX Runtime's, so that no value differs in a bit.

use goldpath::functional::folded;

use super::*;

#[test]
fn matmul() {
    check("matmul", 400, Within::Ulp(0));
}

#[test]
fn gemm() {
    check("gemm", 400, Within::Ulp(0));
}

#[test]
fn conv() {
    check("conv", 400, Within::Ulp(0));
}

#[test]
fn conv1d() {
    check("conv1d", 400, Within::Ulp(0));
}

#[test]
fn depthwise() {
    check("depthwise", 400, Within::Ulp(0));
}

#[test]
fn softmax() {
    check("softmax", 400, Within::Ulp(0));
}

/// Convolutions behind which a QuantizeLinear stands: a last bit decides a tie.
#[test]
fn convolutions_in_front_of_codes() {
    check("coded", 40, Within::Ulp(0));
}

/// A right operand that is made of constants is computed all the same: its products are not added as an initialiser's.
#[test]
fn computed_constants_stay_computed() {
    let cases = cases("computed");
    assert!(cases.len() >= 20);
    for (index, case) in &cases {
        let network = onnx::parse(&case.model, Path::new(&format!("computed.{index}.onnx"))).unwrap();
        for network in [folded(network.clone()).0, network] {
            for (name, found) in run(&network, &case.feeds, &Framework).unwrap() {
                compare(&found, &case.answers[&name], Within::Ulp(0))
                    .unwrap_or_else(|why| panic!("computed.{index}: {why}"));
            }
        }
    }
}

/// Two models as they were met: a depthwise Conv into 16 bits, and a Conv of rank 3 into 8.
#[test]
fn models_that_were_wrong() {
    check("float_cases", 2, Within::Ulp(0));
}
