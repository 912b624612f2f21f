//! Rows that instructions and frameworks gave (`tests/data/overflow_cases.json`), and the corners that people quote.

use goldpath::design::Design;
use goldpath::lower::Outcome;
use ndarray::Array2;
use serde_json::Value;

use super::{events, load, path, root, run};

/// What vpdpbusd adds: no level cuts it.
const EXACT: &str = "reduce.0.format=s18";

fn data() -> Value {
    serde_json::from_str(include_str!("../data/overflow_cases.json")).unwrap()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn list(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(int).collect()
}

/// One output.
fn one(design: Design, a: &[i64], w: &[i64], bias: i64) -> Outcome {
    let a = Array2::from_shape_vec((1, a.len()), a.to_vec()).unwrap();
    let w = Array2::from_shape_vec((w.len(), 1), w.to_vec()).unwrap();
    run(design, &a, &w, &[bias])
}

fn sum(design: Design, a: &[i64], w: &[i64]) -> i64 {
    one(design, a, w, 0).accumulators[[0, 0]]
}

fn model(name: &str, set: &[&str]) -> Design {
    load(&root().join("hw_models").join(name).join("design.toml"), set)
}

#[test]
fn instructions() {
    let data = data();
    let rows = data["instruction_level"].as_array().unwrap();
    for row in rows {
        let (a, w) = (list(&row["a"]), list(&row["w"]));
        let of = |set: &[&str]| sum(load(&path("x86_vpmaddubsw"), set), &a, &w);
        assert_eq!([of(&[]), of(&[EXACT])], ["vpmaddubsw", "vpdpbusd"].map(|key| int(&row[key])), "{row}");
        assert_eq!(of(&[EXACT]), int(&row["exact"]));
    }
    assert_eq!(rows.len(), 9);
}

/// K = 64, a scale of 2^-12: 253 becomes 128 where neighbours meet in a pair, on a machine told to go without VNNI.
#[test]
fn frameworks() {
    let data = data();
    let rows = data["pytorch_quantized_linear_scale_4096_zp0"].as_array().unwrap();
    let mut differ = 0;
    for row in rows {
        let pattern = list(&row["activation_pattern_repeated_to_K64"]);
        let a: Vec<i64> = pattern.iter().copied().cycle().take(64).collect();
        let w = [int(&row["w_all"]); 64];
        let engine = row["env"]["ENG"].as_str().unwrap();
        let limited = match engine {
            "fbgemm" => &row["env"]["FBGEMM_ENABLE_INSTRUCTIONS"],
            _ => &row["env"]["ONEDNN_MAX_CPU_ISA"],
        };
        let post = format!("post={{ preset = {engine:?}, format = \"u8\" }}");
        let of = |set: &[&str]| {
            let set = [&[post.as_str()], set].concat();
            let outcome = one(load(&path("x86_vpmaddubsw"), &set), &a, &w, 0);
            (outcome.accumulators[[0, 0]], outcome.outputs[[0, 0]])
        };
        let (exact, pairs) = (of(&[EXACT]), of(&[]));
        assert_eq!(exact, (int(&row["exact_acc"]), int(&row["exact_out_u8"])), "{row}");
        let seen = if limited.is_null() { exact } else { pairs };
        assert_eq!(seen.1, int(&row["framework_out_u8"]), "{row}");
        differ += usize::from(seen != exact);
    }
    assert_eq!((rows.len(), differ), (42, 4));
}

#[test]
fn numbers_of_other_datapaths() {
    let data = &data()["numeric"];
    let neon = &data["neon_c2_mlal"];
    let apart = |pair: &Value| {
        let pair = list(pair);
        let mut codes = vec![0; 9];
        (codes[0], codes[8]) = (pair[0], pair[1]);
        codes
    };
    let got = sum(load(&path("neon_mlal_s8"), &[]), &apart(&neon["a"]), &apart(&neon["b"]));
    assert_eq!(got, int(&neon["int16_wrapped"]));
    let gemmini = &data["gemmini_sint20"];
    let rows = int(&gemmini["rows"]) as usize;
    let design = model("mac_s8_acc32", &["post=[]", "accumulator.width=20"]);
    let got = sum(design, &vec![int(&gemmini["a"]); rows], &vec![int(&gemmini["w"]); rows]);
    assert_eq!(got, int(&gemmini["sint20_wrapped"]));
    let onnx = &data["matmulinteger_int32"];
    let k = int(&onnx["K"]) as usize;
    let unsigned = ["post=[]", "operands.activation.signed=false", "operands.weight.signed=false"];
    let got = sum(model("mac_s8_acc32", &unsigned), &vec![int(&onnx["a"]); k], &vec![int(&onnx["b"]); k]);
    assert_eq!(got, int(&onnx["ort_and_ref"]));
}

#[test]
fn pairs_and_quads_that_people_quote() {
    let pair = |a: [i64; 2], w: [i64; 2]| sum(load(&path("x86_vpmaddubsw"), &[]), &a, &w);
    assert_eq!(pair([255, 255], [127, 127]), 32_767);
    assert_eq!(pair([255, 255], [-128, -128]), -32_768);
    assert_eq!(pair([128, 128], [127, 127]), 32_512);
    assert_eq!(pair([200, 61], [127, 127]), 32_767);
    // Codes within -64..64 are safe against any activation.
    assert_eq!([pair([255, 255], [64, 64]), pair([255, 255], [-64, -64])], [32_640, -32_640]);

    let neon = |w: i64| sum(load(&path("neon_mlal_s8"), &[]), &[-128; 16], &[w; 16]);
    assert_eq!([neon(-128), neon(-127), neon(127)], [8 * -32_768, 8 * 32_512, 8 * -32_512]);

    for name in ["quad16_wrap", "mnn_fast_s8"] {
        let quads = |w: i64| one(load(&path(name), &[]), &[127; 32], &[w; 32], 0);
        assert_eq!(quads(64).accumulators[[0, 0]], 8 * 32_512);
        assert!(events(&quads(64)).iter().all(|(_, high, low)| high + low == 0));
        assert_eq!(quads(65).accumulators[[0, 0]], 8 * (33_020 - 65_536));
        assert_eq!(events(&quads(65)).iter().map(|(_, high, _)| high).sum::<u64>(), 8);
        let lowest = |a: i64| sum(load(&path(name), &[]), &[a; 32], &[-64; 32]);
        assert_eq!([lowest(-128), lowest(-127)], [8 * -32_768, 8 * 32_512]);
    }
    // Twice the depth: every quad is safe, the lanes of the kernel are not.
    let deep = |name: &str| sum(load(&path(name), &[]), &[127; 64], &[64; 64]);
    assert_eq!([deep("quad16_wrap"), deep("mnn_fast_s8")], [16 * 32_512, 8 * (65_024 - 65_536)]);
}

#[test]
fn spills_keep_what_fewer_of_them_lose() {
    let spilt = |period: usize| {
        let tile = format!("order.tile_k={period}");
        sum(load(&path("acc16_spill"), &[&tile]), &[255; 16], &[64; 16])
    };
    assert_eq!([2, 4, 8, 16].map(spilt), [8 * 32_640, 4 * 32_767, 2 * 32_767, 32_767]);
}

#[test]
fn order_and_depth() {
    // NVDLA's 34 bits saturate at every partial sum: one more and one less is not nothing.
    let nvdla = model("tree16x4_banks4_s8_acc34sat", &[]);
    let top = (1_i64 << 33) - 1;
    let (mut a, mut w) = ([0; 32], [0; 32]);
    (a[0], a[16], w[0], w[16]) = (1, 1, 1, -1);
    let outcome = one(nvdla, &a, &w, top);
    assert_eq!(outcome.accumulators[[0, 0]], top - 1);
    assert_eq!(events(&outcome).iter().map(|(_, high, low)| high + low).sum::<u64>(), 1);

    let lowest = |k: usize| sum(model("mac_s8_acc32", &["post=[]"]), &vec![-128; k], &vec![-128; k]);
    assert_eq!([lowest(131_071), lowest(131_072)], [131_071 << 14, -(1 << 31)]);
    // TFLite's int16x8 convolution with an int32 bias.
    let wide = model("mac_s8_acc32", &["post=[]", "operands.activation.width=16"]);
    assert_eq!(sum(wide, &[32_767; 600], &[127; 600]), 2_496_845_400 - (1 << 32));
}
