//! Each the smallest form of a panic or a flood.

use std::fs;
use std::time::{Duration, Instant};

use crate::bytes::{field, integer, model, node, npy, npz, number, tensor, value_info};
use crate::{assert_refused, data, goldpath, root, spoken};

const MAC: &str = "hw_models/mac_s8_acc32";

#[test]
fn extents_whose_product_leaves_64_bits_beside_a_zero_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("o").display().to_string();
    let file = |name: &str| data(name).display().to_string();
    let (a, w) = (file("zero_times_huge_A.npy"), file("zero_times_huge_W.npy"));
    assert_refused(&["run", MAC, "--activations", &a, "--weights", &w, "--out", &out], &["is too large"]);
    let (m, x) = (file("reshape_zero_times_huge.onnx"), file("reshape_zero_times_huge.npy"));
    assert_refused(&["infer", &m, "--input", &x, "--out", &out], &["node", "is too large"]);
    for shape in ["1,18446744073709551615,1", "18446744073709551615,1,2", "4294967296,1,4294967296"] {
        for case in ["random", "extreme", "saturating"] {
            let typed = ["vectors", MAC, "--case", case, "--shape", shape, "--out", &out];
            assert_refused(&typed, &["--shape", "too large"]);
        }
        assert_eq!(spoken(&["check", MAC, "--shape", shape]).0, 0, "a count of cycles needs no tensor");
    }
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
fn a_product_that_does_not_fit_names_the_option_to_raise() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o").display().to_string();
    let typed = ["vectors", MAC, "--case", "random", "--shape", "30000,1,30000", "--out", &out];
    assert_refused(&typed, &["M = 30000, K = 1, N = 30000", "GiB", "--max-memory"]);
    let small =
        ["--max-memory", "16M", "vectors", MAC, "--case", "random", "--shape", "900,1,900", "--out", &out];
    assert_refused(&small, &["more than 16 MiB"]);
    let column = |count: usize| vec![1u8; count];
    fs::write(folder.path().join("a.npy"), npy("|i1", "(20000, 1)", &column(20_000))).unwrap();
    fs::write(folder.path().join("w.npy"), npy("|i1", "(1, 20000)", &column(20_000))).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (a, w) = (file("a.npy"), file("w.npy"));
    for engine in ["cycle", "functional"] {
        let typed = ["run", MAC, "--activations", &a, "--weights", &w, "--engine", engine, "--out", &out];
        assert_refused(&typed, &["--max-memory"]);
    }
}

#[test]
fn a_network_that_doubles_a_tensor_is_stopped_at_the_node() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("o").display().to_string();
    let (m, x) = (data("concat_doubling.onnx").display().to_string(), data("concat_doubling.npy"));
    let x = x.display().to_string();
    let typed = ["--max-memory", "512M", "infer", &m, "--input", &x, "--out", &out];
    assert_refused(&typed, &["(Concat)", "more than 512 MiB", "--max-memory"]);
}

#[test]
fn growth_by_broadcast_and_by_product_is_stopped_at_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o").display().to_string();
    let n = 60_000u64;
    let turned = [field(1, b"shape"), number(20, 7)].concat();
    drop(turned);
    for kind in ["Add", "Mul", "MatMul"] {
        let shape = tensor("shape", 7, &[2], &[n.to_le_bytes(), 1u64.to_le_bytes()].concat());
        let nodes = [
            node("Reshape", "turn", &["x", "shape"], &["t"], &[]),
            node(kind, "grow", if kind == "MatMul" { &["t", "x"] } else { &["x", "t"] }, &["y"], &[]),
        ];
        let text = model(&nodes, &[shape], &[value_info("x", 1, &[1, n])], &[value_info("y", 1, &[])]);
        fs::write(folder.path().join("m.onnx"), text).unwrap();
        let size = usize::try_from(n).unwrap() * 4;
        fs::write(folder.path().join("x.npy"), npy("<f4", &format!("(1, {n})"), &vec![0; size])).unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let typed = ["infer", &file("m.onnx"), "--input", &file("x.npy"), "--out", &out];
        assert_refused(&typed, &["\"grow\""]);
    }
}

#[test]
fn an_archive_that_inflates_is_read_no_further_than_its_header_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.npz");
    let bomb = [npy("|i1", "(4,)", &[1; 4]), vec![0; 400 << 20]].concat();
    npz(&path, &[("shift", bomb)], true);
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    fs::write(folder.path().join("a.npy"), npy("|i1", "(1, 1)", &[1])).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (a, p) = (file("a.npy"), path.display().to_string());
    let typed = ["run", MAC, "--activations", &a, "--weights", &a, "--params", &p, "--out", &file("o")];
    assert_refused(&typed, &["node shift", "needs 4 bytes of data, there are more"]);
    // One that is as large as it says.
    let large = npy("|i1", "(300000000,)", &vec![0; 300_000_000]);
    npz(&path, &[("shift", large)], true);
    let typed = [&["--max-memory", "1G"][..], &typed].concat();
    assert_refused(&typed, &["node shift", "--max-memory"]);
}

#[test]
fn headers_that_lie_allocate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let long = [b"\x93NUMPY\x02\x00\xff\xff\xff\xff".as_slice(), &[b' '; 100]].concat();
    let heads = [
        npy("<i8", "(1073741824,)", &[0; 8]),
        npy("<i8", "(1099511627776,)", &[0; 8]),
        npy("<i4", "(1, 2, 3", &[]),
        npy("V9999999999999", "(1,)", &[0; 8]),
        npy("<i8", "(100000000, 1)", &[0; 8]),
        long,
    ];
    for head in heads {
        fs::write(&path, head).unwrap();
        let a = path.display().to_string();
        let out = folder.path().join("o").display().to_string();
        let began = Instant::now();
        assert_refused(&["run", MAC, "--activations", &a, "--weights", &a, "--out", &out], &["a.npy"]);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn an_input_declared_2_to_the_29_wide_is_checked_or_refused_without_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let nodes = [node("Relu", "r", &["x"], &["y"], &[])];
    fs::write(&path, model(&nodes, &[], &[value_info("x", 1, &[1, 1 << 29])], &[value_info("y", 1, &[])]))
        .unwrap();
    let began = Instant::now();
    let m = path.display().to_string();
    assert_refused(&["check", MAC, "--model", &m], &["[1, 536870912]", "as the model declares it", "m.onnx"]);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_plan_of_28_axes_is_refused_before_it_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let axes: Vec<String> =
        (0..28).map(|i| format!("{{\"key\":\"k{i}\",\"values\":[\"a\",\"b\"]}}")).collect();
    let hash = "0".repeat(64);
    let file = format!("{{\"name\":\"m\",\"sha256\":\"{hash}\"}}");
    let plan = |axes: &str, widths: &str, modes: &str| {
        format!(
            "{{\"schema\":1,\"generator\":\"g\",\"model\":{file},\"input\":{file},\"labels\":null,\"design\":\
             {{\"name\":\"d\",\"sha256\":\"{hash}\",\"overrides\":[]}},\"images\":null,\"widths\":{widths},\
             \"modes\":{modes},\"axes\":[{axes}],\"synthesis\":false}}"
        )
    };
    let out = folder.path().join("o").display().to_string();
    let shard = folder.path().display().to_string();
    let cases = [
        (plan(&axes.join(","), "[8]", "[\"wrap\"]"), "combinations"),
        (plan("", "[8]", "[\"../../x\"]"), "no overflow rule"),
        (plan("", "[65]", "[\"wrap\"]"), "65 bits"),
        (plan("{\"key\":\"k\",\"values\":[]}", "[8]", "[\"wrap\"]"), "no values"),
        (
            plan("", "[8]", "[\"wrap\"]").replace("null,\"widths", "[0,18446744073709551615],\"widths"),
            "counted",
        ),
    ];
    for (plan, word) in cases {
        fs::write(folder.path().join("plan.json"), plan).unwrap();
        let began = Instant::now();
        assert_refused(&["sweep", "merge", &shard, "--out", &out], &[word]);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(!std::path::Path::new(&out).exists());
    }
}

/// How many nodes a network may have is stated, and that many take seconds: see `graphs`.
#[test]
fn more_nodes_than_stated_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let chain = |count: usize| {
        let name = |i: usize| format!("t{i}");
        let nodes: Vec<Vec<u8>> =
            (0..count).map(|i| node("Identity", "", &[&name(i)], &[&name(i + 1)], &[])).collect();
        let last = [value_info(&name(count), 3, &[])];
        fs::write(&path, model(&nodes, &[], &[value_info("t0", 3, &[1, 1])], &last)).unwrap();
    };
    let (m, mac) = (path.display().to_string(), "hw_models/mac_s8_acc32");
    let began = Instant::now();
    chain(goldpath::limits::MAX_NODES + 1);
    assert_refused(&["check", mac, "--model", &m], &["32769 nodes", "32768"]);
    chain(goldpath::limits::MAX_NODES);
    assert_refused(&["check", mac, "--model", &m], &["no integer layer"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn twenty_thousand_names_that_clean_to_one_take_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..20_000).map(|i| char::from_u32(0x4e00 + i).unwrap().to_string()).collect();
    let nodes: Vec<Vec<u8>> =
        names.iter().map(|n| node("Identity", "", &["x"], &[n.as_str()], &[])).collect();
    let outputs = [value_info(&names[0], 3, &[])];
    fs::write(folder.path().join("m.onnx"), model(&nodes, &[], &[value_info("x", 3, &[1, 1])], &outputs))
        .unwrap();
    fs::write(folder.path().join("x.npy"), npy("|i1", "(1, 1)", &[1])).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let began = Instant::now();
    let (status, _, errors) =
        spoken(&["infer", &file("m.onnx"), "--input", &file("x.npy"), "--out", &file("o")]);
    assert_eq!(status, 0, "{errors}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_self_test_of_a_short_bundle_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("b").display().to_string();
    let made = ["vectors", MAC, "--case", "random", "--shape", "2,3,2", "--out", &bundle];
    assert_eq!(spoken(&made).0, 0);
    for (name, text) in [("expected.hex", ""), ("stimulus.hex", "\n"), ("header.hex", "")] {
        let path = folder.path().join("b").join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let (status, _, errors) = spoken(&["cosim", &bundle, "--selftest", "--simulator", "icarus"]);
        assert_eq!(status, 2, "{name}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        fs::write(&path, before).unwrap();
    }
    // Zero cycles, or an extent of 0, with the manifest made to agree.
    let path = folder.path().join("b/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [("\"cycles\": ", "\"cycles\": 0, \"x\": "), ("\"shape\": []", "\"shape\": [0]")] {
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let (status, _, errors) = spoken(&["cosim", &bundle, "--selftest", "--simulator", "icarus"]);
        assert_eq!(status, 2, "{errors}");
        assert!(!errors.contains("panicked"), "{errors}");
    }
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let design = fs::read_to_string(root().join(MAC).join("design.toml")).unwrap();
    let path = folder.path().join("d.toml");
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let deep = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
        fs::write(&path, format!("{design}\nx = {deep}\n")).unwrap();
        assert_refused(&["check", &path.display().to_string()], &["d.toml"]);
        assert_refused(
            &["check", MAC, "--set", &format!("order.kernel={deep}")[..60_000.min(deep.len())]],
            &["--set"],
        );
    }
    let key = vec!["a"; 100_000].join(".");
    fs::write(&path, format!("{design}\n{key} = 1\n")).unwrap();
    assert_refused(&["check", &path.display().to_string()], &["d.toml"]);
    // A protocol buffer inside a protocol buffer inside …
    let mut bytes = number(1, 1);
    for _ in 0..20_000 {
        bytes = field(5, &field(5, &bytes));
        bytes.truncate(1 << 20);
    }
    fs::write(folder.path().join("m.onnx"), field(7, &field(1, &bytes))).unwrap();
    let m = folder.path().join("m.onnx").display().to_string();
    assert_refused(&["check", MAC, "--model", &m], &["m.onnx"]);
}

#[test]
fn numbers_at_the_ends_of_their_types_are_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o").display().to_string();
    let (m, x) = ("tests/models/mlp_s8_qdq.onnx", "tests/models/mlp_inputs.npy");
    let refused: [&[&str]; 6] = [
        &[
            "vectors",
            MAC,
            "--model",
            m,
            "--layer",
            "fc1",
            "--input",
            x,
            "--images",
            "0..18446744073709551615",
            "--out",
            &out,
        ],
        &["sweep", m, "--design", MAC, "--input", x, "--images", "0..18446744073709551615", "--out", &out],
        &["check", "hw_models/os8x8_s8_acc32", "--set", "array.rows=4294967295"],
        &["check", "hw_models/tree8_s8_acc24", "--set", "array.lanes=18446744073709551615"],
        &["check", MAC, "--set", "product.latency=9223372036854775807"],
        &["check", MAC, "--set", "accumulator.width=-9223372036854775808"],
    ];
    for typed in refused {
        assert_refused(typed, &[]);
    }
    assert_eq!(spoken(&["check", MAC, "--k", "18446744073709551615"]).0, 0);
    let seeded = [
        "vectors",
        MAC,
        "--case",
        "random",
        "--shape",
        "1,1,1",
        "--seed",
        "18446744073709551615",
        "--out",
        &out,
    ];
    assert_eq!(spoken(&seeded).0, 0);
    let capped = folder.path().join("c").display().to_string();
    let typed = [
        "overflow",
        m,
        "--design",
        MAC,
        "--input",
        x,
        "--batch",
        "18446744073709551615",
        "--decisive-cap",
        "18446744073709551615",
        "--out",
        &capped,
    ];
    assert_eq!(spoken(&typed).0, 0);
    // 5000 overrides are more than are taken.
    let set: Vec<&str> =
        ["check", MAC].into_iter().chain((0..5000).flat_map(|_| ["--set", "accumulator.width=20"])).collect();
    assert_refused(&set, &["5000 overrides"]);
}

#[test]
fn pools_and_convolutions_of_absurd_windows_are_refused_at_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let ints = |name: &str, values: &[u64]| {
        let list: Vec<u8> = values.iter().flat_map(|v| number(8, *v)).collect();
        [field(1, name.as_bytes()), list, number(20, 7)].concat()
    };
    let huge = 1u64 << 40;
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(folder.path().join("x.npy"), npy("<f4", "(1, 1, 2, 2)", &[0; 16])).unwrap();
    let windows = [
        vec![ints("kernel_shape", &[huge, huge]), ints("pads", &[huge - 1, huge - 1, huge - 1, huge - 1])],
        vec![ints("kernel_shape", &[1 << 29, 1]), ints("pads", &[(1 << 29) - 1, 0, (1 << 29) - 1, 0])],
        vec![ints("kernel_shape", &[1, 1]), ints("strides", &[u64::MAX >> 1, 1]), integer("ceil_mode", 1)],
        vec![
            ints("kernel_shape", &[2, 2]),
            ints("dilations", &[huge, huge]),
            ints("pads", &[huge, huge, huge, huge]),
        ],
    ];
    for (index, window) in windows.iter().enumerate() {
        for kind in ["MaxPool", "AveragePool"] {
            let nodes = [node(kind, "pool", &["x"], &["y"], window)];
            let text = model(&nodes, &[], &[value_info("x", 1, &[1, 1, 2, 2])], &[value_info("y", 1, &[])]);
            fs::write(folder.path().join("m.onnx"), text).unwrap();
            let typed = [
                "--max-memory",
                "1G",
                "infer",
                &file("m.onnx"),
                "--input",
                &file("x.npy"),
                "--out",
                &file("o"),
            ];
            let began = Instant::now();
            let output = goldpath(&typed);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(matches!(output.status.code(), Some(0 | 2)), "{kind} {index}: {errors}");
            assert!(!errors.contains("panicked") && began.elapsed() < Duration::from_secs(10), "{errors}");
        }
    }
}
