//! One answer, one number: text, JSON and page of the same run say the same of everything that more than one of them has.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

/// A table of a page: the heading it stands under, its caption, and its rows without markup.
#[derive(Debug)]
struct Table {
    section: String,
    caption: String,
    rows: Vec<Vec<String>>,
}

/// What stands between `open` and `close`, piece by piece.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).map(move |piece| piece.split(close).next().unwrap())
}

/// Text without tags, as a person reads it; numbers as a program does.
fn plain(markup: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in markup.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if inside => {}
            '\u{2212}' => text.push('-'),
            // Between groups of three digits.
            '\u{202f}' | '\u{2009}' | '\u{a0}' => {}
            letter => text.push(letter),
        }
    }
    text.replace("&#x2f;", "/").trim().to_string()
}

fn tables(page: &str) -> Vec<Table> {
    let mut found = Vec::new();
    for section in between(page, "<section>", "</section>") {
        let heading = plain(between(section, "<h2>", "</h2>").next().unwrap());
        for table in between(section, "<table>", "</table>") {
            let body = table.split("</thead>").nth(1).unwrap();
            let cells = |row: &str| between(row, "<td", "</td>").map(|c| plain(&format!("<{c}"))).collect();
            found.push(Table {
                section: heading.clone(),
                caption: plain(between(table, "<caption>", "</caption>").next().unwrap()),
                rows: between(body, "<tr>", "</tr>").map(cells).collect(),
            });
        }
    }
    found
}

fn table<'a>(tables: &'a [Table], section: &str, caption: &str) -> &'a Table {
    let is = |t: &&Table| t.section == section && t.caption == caption;
    tables.iter().find(is).unwrap_or_else(|| panic!("{section}: {caption}"))
}

/// A JSON value as a cell shows it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "\u{2013}".to_string(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn done(arguments: &[&str]) -> String {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_goldpath"));
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `report.json`, `report.txt` and `report.html` of a command on a committed model and a few of its images.
fn answers(words: &str, name: &str, images: usize) -> (TempDir, Value, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let cut = |file: &str, to: &str| {
        let all = goldpath::import::npy::read_npy(Path::new(file)).unwrap();
        let bytes = match &all {
            goldpath::network::Tensor::F32(x) => {
                let x = x.slice_axis(ndarray::Axis(0), ndarray::Slice::from(0..images)).to_owned();
                let mut bytes = goldpath::wave::npy_header("<f4", x.shape());
                bytes.extend(x.iter().flat_map(|v| v.to_le_bytes()));
                bytes
            }
            other => {
                let x = other.to_i64().unwrap();
                let x = x.slice_axis(ndarray::Axis(0), ndarray::Slice::from(0..images)).to_owned();
                goldpath::wave::npy_int64(x.view())
            }
        };
        let path = folder.path().join(to);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let x = cut(&format!("tests/models/{name}_inputs.npy"), "x.npy");
    let labels = cut("tests/models/labels.npy", "labels.npy");
    let out = folder.path().join("out").display().to_string();
    let mut arguments: Vec<&str> = words.split(' ').collect();
    arguments.extend(["--input", &x, "--labels", &labels, "--out", &out]);
    done(&arguments);
    let read = |file: &str| std::fs::read_to_string(Path::new(&out).join(file)).unwrap();
    let json = serde_json::from_str(&read("report.json")).unwrap();
    let (text, page) = (read("report.txt"), read("report.html"));
    (folder, json, text, page)
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

const CLASSES: [&str; 5] = ["transient", "surviving", "harmful", "decisive", "unevaluated"];

#[test]
fn an_overflow_analysis_says_one_number_in_text_json_and_page() {
    let words =
        "overflow tests/models/cnn_s8_qoperator.onnx --design hw_models/mac_s8_acc16sat --decisive-cap 2";
    let (folder, json, text, page) = answers(words, "cnn", 3);
    let found = tables(&page);
    let (mut starts, mut values) = (0, 0);
    let became = table(&found, "What became of them", "Outputs");
    let rows = list(&json["layers"]).iter().map(|layer| (layer["layer"].as_str().unwrap(), layer));
    for ((name, layer), row) in rows.chain([("total", &json["total"])]).zip(&became.rows) {
        let mut wanted = vec![name.to_string(), cell(&layer["outputs"]), cell(&layer["outputs_with_events"])];
        wanted.extend(CLASSES.map(|class| cell(&layer["classes"][class])));
        assert_eq!(*row, wanted);
        let line = CLASSES.map(|class| format!("{class} {}", layer["classes"][class])).join(", ");
        assert!(text.contains(&line), "{name}: {line}");
        let line = format!("{} of {} outputs overflow", layer["outputs_with_events"], layer["outputs"]);
        assert!(text.contains(&line), "{name}: {line}");
        values += wanted.len();
    }
    let bits = table(&found, "Headroom", "Accumulator bits");
    for (layer, row) in list(&json["layers"]).iter().zip(&bits.rows) {
        let (name, widths) = (layer["layer"].as_str().unwrap(), &layer["widths"]);
        let own = ["register", "observed", "proved"].map(|key| cell(&widths[key]));
        assert_eq!(row[1..], own, "{name}");
        let of_layer = text.split(&format!("\n{name}: ")).nth(1).unwrap();
        let of_layer = of_layer.split("\n\n").next().unwrap();
        let line = format!("  accumulator bits: {} needed here, {} proved\n", own[1], own[2]);
        assert!(of_layer.contains(&line), "{of_layer}");
        let nodes = table(&found, &format!("Layer {name}"), "Values outside, by node");
        let eventful = list(&layer["nodes"]).iter().filter(|n| n["high"] != 0 || n["low"] != 0);
        let eventful: Vec<&Value> = eventful.collect();
        assert_eq!(nodes.rows.len(), eventful.len());
        for (node, row) in eventful.into_iter().zip(&nodes.rows) {
            let own = ["node", "format", "overflow", "high", "low", "outputs"].map(|key| cell(&node[key]));
            assert_eq!(row[..6], own);
            let (first, largest) = (&node["first"], &node["largest"]);
            let ends = [cell(&first["entering"]), cell(&first["value"]), cell(&largest["excess"])];
            assert_eq!(row[7..], ends);
            let line = format!("  {} ({}, {}): {} high, {} low\n", own[0], own[1], own[2], own[3], own[4]);
            assert!(of_layer.contains(&line), "{line}{of_layer}");
            let line = format!("{}, {} outside", cell(&first["entering"]), cell(&first["excess"]));
            assert!(of_layer.contains(&line), "{line}");
            starts += u64::from(own[0] == "accumulator.start");
            values += row.len();
        }
    }
    let drawn = pictures(&page, &folder);
    println!("{values} values, {starts} layers with clipped starts, {drawn:?} pictures, of clipped starts");
    assert!(starts > 1 && drawn[0] > 4 && drawn[1] > 1, "{starts} {drawn:?}");
}

/// The ends of every picture's lines, and where they begin, are its witness's: pictures, and those of clipped starts.
fn pictures(page: &str, folder: &TempDir) -> [u64; 2] {
    let file = std::fs::read(folder.path().join("out/witness.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let mut drawn = [0, 0];
    for figure in between(page, "<figure", "</figure>").filter(|f| f.contains(">Witness ")) {
        let note = plain(between(figure, ">Witness ", ": ").next().unwrap());
        let witness = list(&file["witnesses"]).iter().find(|w| w["id"] == note.as_str()).unwrap();
        let expected = &witness["expected"];
        let labels: Vec<String> = between(figure, "<text class=\"label ", "</text>")
            .map(|label| plain(&format!("<{label}")))
            .collect();
        assert!(labels.contains(&format!("exact {}", cell(&expected["exact"]))), "{note}: {labels:?}");
        let table = tables(&format!("<section><h2>x</h2><figure{figure}</section>")).remove(0);
        let last = table.rows.last().unwrap();
        let whole = witness["operands"]["k"].as_u64().unwrap() <= 5;
        if whole || table.caption == "The last beats" {
            assert_eq!(last[3], cell(&expected["exact"]), "{note}");
        }
        // Both lines begin where the witness says: apart exactly where the register clips the bias.
        let begins = |class: &str| {
            let path = figure.split(&format!("<path class=\"line {class}\" d=\"M")).nth(1).unwrap();
            path.split('H').next().unwrap().to_string()
        };
        let clipped = witness["operands"]["parameters"]["bias"] != expected["start"];
        assert_eq!(begins("exact") != begins("kept"), clipped, "{note}");
        if clipped {
            let start = &table.rows[0];
            assert_eq!(
                *start,
                [
                    "start".to_string(),
                    cell(&witness["operands"]["parameters"]["bias"]),
                    cell(&expected["start"]),
                    cell(&witness["operands"]["parameters"]["bias"])
                ],
                "{note}"
            );
        }
        let becomes = format!(
            "The output is {}; without overflow it would be {}.",
            cell(&expected["output"]),
            cell(&expected["corrected"])
        );
        assert!(plain(figure).contains(&becomes), "{note}: {becomes}");
        drawn = [drawn[0] + 1, drawn[1] + u64::from(clipped)];
    }
    drawn
}

#[test]
fn a_sweep_says_one_number_in_text_json_and_page() {
    let words = "sweep tests/models/mlp_s8_qoperator.onnx --design hw_models/mac_s8_acc32 --widths 10,14,16,18,24 \
                 --modes wrap,saturate --set post.latency=[0,0,0,0]";
    let (_folder, json, text, page) = answers(words, "mlp", 4);
    let found = tables(&page);
    let variant = &json["variants"][0];
    let layers = &variant["layers"]["done"];
    let bits = table(&found, "Headroom", "Least width without overflow");
    for (layer, row) in list(&layers["layers"]).iter().zip(&bits.rows) {
        let mut wanted = ["name", "k", "channels", "minimal_observed_width", "minimal_proved_width"]
            .map(|key| cell(&layer[key]))
            .to_vec();
        wanted.extend(["dead", "observed", "proved"].map(|key| cell(&layer["without_dead"][key])));
        assert_eq!(*row, wanted);
        let line =
            format!("  {}: {}, {}; {}, {}; ", wanted[0], wanted[1], layer["outputs"], wanted[4], wanted[3]);
        assert!(text.contains(&line), "{line}");
    }
    // The counts with each layer fed without overflow, from the tables by channel.
    let alone = |width: u64, mode: &str| -> u64 {
        let of_mode =
            |layer: &&Value| list(&layer["overflowing"]).iter().find(|t| t["mode"] == mode).unwrap().clone();
        let tables = list(&layers["layers"]).iter().map(|layer| of_mode(&layer));
        let at = |table: Value| -> u64 {
            let index = usize::try_from(width - table["first_width"].as_u64().unwrap()).unwrap();
            list(&table["outputs"]).iter().filter_map(|channel| channel.get(index)?.as_u64()).sum()
        };
        tables.map(at).sum()
    };
    let points = table(&found, "Points", "Every point");
    let images = &layers["images"];
    let mut differ = 0;
    assert_eq!(points.rows.len(), list(&variant["points"]).len());
    for (point, row) in list(&variant["points"]).iter().zip(&points.rows) {
        let (width, mode, result) =
            (point["width"].as_u64().unwrap(), point["mode"].as_str().unwrap(), &point["result"]["done"]);
        let run: u64 =
            list(&result["layers"]).iter().map(|l| l["overflow"]["outputs"].as_u64().unwrap()).sum();
        assert_eq!(result["overflowing"], run);
        let first = result["diverges_at"].as_str().unwrap_or("none");
        let cost = &result["cost"];
        let cost = cost["accumulator_bits"].as_u64().unwrap() + cost["adder_bits"].as_u64().unwrap();
        let wanted = [
            width.to_string(),
            mode.to_string(),
            cell(&result["correct"]),
            cell(&result["agree"]),
            run.to_string(),
            alone(width, mode).to_string(),
            cell(&result["differing"]),
            cell(&result["diverges_at"]),
            cost.to_string(),
        ];
        assert_eq!(*row, wanted);
        let line = format!(
            "  {width:>2} {mode:<18} {}/{images}, {}/{images}; {run}, {}; {}, {first}; {cost}",
            wanted[2], wanted[3], wanted[5], wanted[6]
        );
        assert!(text.contains(&line), "{line}\n{text}");
        differ += u64::from(run != alone(width, mode));
    }
    assert!(differ > 0, "both counts are always the same here: nothing is told apart");
    let by_width: Vec<&Table> = found
        .iter()
        .filter(|t| t.section == "Overflows by width" && t.caption == "Layers looked at")
        .collect();
    for row in by_width.iter().flat_map(|t| &t.rows) {
        let width = row[0].parse().unwrap();
        let count: u64 = row[1].parse().unwrap();
        assert!([alone(width, "wrap"), alone(width, "saturate")].contains(&count), "{width}: {count}");
    }
    assert!(!by_width.is_empty());
}

#[test]
fn a_check_says_one_number_in_text_and_json() {
    let line = ["check", "hw_models/mac_s8_acc16sat", "--model", "tests/models/cnn_s8_qoperator.onnx"];
    let text = done(&line);
    let json: Value = serde_json::from_str(&done(&[&line[..], &["--format", "json"]].concat())).unwrap();
    let words: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().skip(1).collect()).collect();
    let mut at = 0;
    for layer in list(&json["bounds"]["layers"]) {
        let head = format!("{}:", layer["layer"].as_str().unwrap());
        at += words[at..].iter().position(|w| w.first() == Some(&head.as_str())).unwrap();
        let width = cell(&layer["proved_width"]);
        assert!(words[at].join(" ").contains(&format!("is exact with {width} bits")), "{:?}", words[at]);
        for bound in list(&layer["bounds"]) {
            let ends = ["worst_channel", "low", "high"].map(|key| cell(&bound[key]));
            let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
            let found = words[at..].iter().position(|w| w.windows(3).any(|three| three == ends));
            at += found.unwrap_or_else(|| panic!("{bound}"));
            assert!(words[at].contains(&cell(&bound["width"]).as_str()));
        }
        for node in list(&layer["nodes"]) {
            let name = node["node"].as_str().unwrap();
            at += words[at..].iter().position(|w| w.first() == Some(&name)).unwrap();
            let row = &words[at];
            assert_eq!(row[2..4], [cell(&node["low"]), cell(&node["high"])], "{row:?}");
            let counts = ["channels_high", "channels_low"].map(|key| cell(&node[key]));
            assert_eq!(row[row.len() - 2..], counts, "{row:?}");
        }
    }
    let lints = list(&json["lints"]);
    assert!(lints.iter().any(|lint| lint["name"] == "bias-overflow"));
    for lint in lints {
        assert!(text.contains(lint["message"].as_str().unwrap()), "{lint}");
    }
}

#[test]
fn dead_channels_are_named_and_widths_given_without_them() {
    let model = "tests/data/dead/dead.onnx";
    let line = ["check", "hw_models/mac_s8_acc32", "--model", model];
    let text = done(&line);
    let json: Value = serde_json::from_str(&done(&[&line[..], &["--format", "json"]].concat())).unwrap();
    let layer = &json["bounds"]["layers"][0];
    assert_eq!(layer["proved_width"], 33);
    let dead = &layer["dead"];
    assert_eq!((&dead["channels"][0]["channel"], list(&dead["channels"]).len()), (&Value::from(1), 1));
    assert_eq!(dead["channels"][0]["bias"], -2_147_483_000);
    // 140 · 128 + 50 fits 16 bits.
    assert_eq!(dead["proved_width"], 16);
    assert!(text.contains("1 dead channel (1): weight scale 1e-15, bias -2147483000"), "{text}");
    assert!(text.contains("without it 16 bits are proved"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let set = ["--set", "post.latency=[0,0,0,0]", "--widths", "16,33", "--modes", "saturate"];
    let words = [
        "sweep",
        model,
        "--design",
        "hw_models/mac_s8_acc32",
        "--input",
        "tests/data/dead/x.npy",
        "--out",
        &out,
    ];
    done(&[&words[..], &set].concat());
    let read = |file: &str| std::fs::read_to_string(Path::new(&out).join(file)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    let variant = &json["variants"][0];
    let layers = &variant["layers"]["done"];
    let without = &layers["without_dead"];
    assert_eq!(
        (&layers["minimal_proved_width"], &without["proved"], &without["dead"]),
        (&33.into(), &16.into(), &1.into())
    );
    assert!(
        without["observed"].as_u64().unwrap() <= 16
            && layers["minimal_observed_width"].as_u64().unwrap() > 31
    );
    // What is left out decides nothing: at 16 bits every output is the exact one, though the dead channel overflows.
    let narrow = &list(&variant["points"])[0]["result"]["done"];
    assert_eq!((&narrow["differing"], narrow["overflowing"].as_u64().unwrap() > 0), (&0.into(), true));
    let words = format!("minimal width 16 proved, {} observed", without["observed"]);
    assert!(
        read("report.txt")
            .contains(&format!("without 1 dead channel, whose sums reach no output code: {words}"))
    );
    assert!(plain(&read("report.html")).contains(&words));
}
