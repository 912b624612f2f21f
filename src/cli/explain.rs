//! `goldpath explain`: a rule, a rounding mode, an overflow rule, a preset, the post steps, a trap or a key, in a screenful; what
//! other systems call a rounding or an overflow rule leads to ours.
//!
//! The examples are computed when they are printed, by the code they describe, so they cannot drift from it.

mod aliases;
mod arrays;
mod classes;
mod keys;
mod limits;
mod modes;
mod presets;
mod rules;
mod schema;
mod steps;
mod traps;

use serde::Serialize;

use super::args::ExplainArgs;
use super::{Console, Status};
use crate::error::{Error, Kind, Result, near_names};
use crate::num::ALIASES;

/// One thing that can be explained.
pub(super) struct Topic {
    /// As typed; upper and lower case, `-` and `_` are the same.
    name: &'static str,
    kind: &'static str,
    /// One sentence.
    summary: &'static str,
    /// The rest, in lines of at most 100 characters.
    text: &'static str,
    /// Computed by the code that is explained.
    example: Box<dyn Fn() -> String>,
}

#[derive(Serialize)]
struct Explained<'a> {
    name: &'a str,
    kind: &'a str,
    summary: &'a str,
    text: &'a str,
    example: String,
}

pub fn run(args: &ExplainArgs, console: &Console) -> Result<Status> {
    let topics = all();
    match &args.topic {
        None if console.is_json() => {
            let listed: Vec<_> = topics.iter().map(explained).collect();
            console.answer_json(&listed)?;
        }
        None => console.answer(&list(&topics))?,
        Some(asked) if find(&topics, asked).is_err() && aliases::is_one(asked) => {
            let named = aliases::named(asked, &topics);
            if console.is_json() {
                console.answer_json(&named)?;
            } else {
                console.answer(&named.iter().map(aliases::page).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Some(asked) if find(&topics, asked).is_err() && topics.iter().any(|topic| is_kind(topic, asked)) => {
            let of_kind: Vec<Topic> = topics.into_iter().filter(|topic| is_kind(topic, asked)).collect();
            if console.is_json() {
                console.answer_json(&of_kind.iter().map(explained).collect::<Vec<_>>())?;
            } else {
                console.answer(&list(&of_kind))?;
            }
        }
        Some(asked) if find(&topics, asked).is_err() && !schema::entries(asked).is_empty() => {
            let keys = schema::entries(asked);
            if console.is_json() {
                let listed = keys.iter().map(|key| Explained {
                    name: &key.path,
                    kind: "key",
                    summary: &key.summary,
                    text: &key.text,
                    example: String::new(),
                });
                console.answer_json(&listed.collect::<Vec<_>>())?;
            } else {
                console.answer(&keys.iter().map(key_page).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Some(asked) => {
            let topic = find(&topics, asked)?;
            if console.is_json() {
                console.answer_json(&explained(topic))?;
            } else {
                console.answer(&page(topic))?;
            }
        }
    }
    Ok(Status::Done)
}

fn all() -> Vec<Topic> {
    [
        rules::topics(),
        modes::topics(),
        aliases::topics(),
        presets::topics(),
        steps::topics(),
        traps::topics(),
        classes::topics(),
        keys::topics(),
        arrays::topics(),
        limits::topics(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn explained(topic: &Topic) -> Explained<'_> {
    Explained {
        name: topic.name,
        kind: topic.kind,
        summary: topic.summary,
        text: topic.text,
        example: (topic.example)(),
    }
}

/// Every topic with its summary, kind by kind.
fn list(topics: &[Topic]) -> String {
    let mut text = String::new();
    let mut kind = "";
    for topic in topics {
        if topic.kind != kind {
            kind = topic.kind;
            text += &format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, plural(kind));
        }
        text += &format!("  {:<25} {}\n", topic.name, topic.summary);
    }
    text
}

fn plural(kind: &str) -> String {
    if kind.ends_with('s') { format!("{kind}es") } else { format!("{kind}s") }
}

/// Whether `asked` is what the topic is one of: `presets`, `keys`, `rounding modes`.
fn is_kind(topic: &Topic, asked: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], " ");
    [topic.kind.to_owned(), plural(topic.kind)].contains(&plain(asked))
}

fn page(topic: &Topic) -> String {
    page_of(&explained(topic))
}

fn page_of(topic: &Explained<'_>) -> String {
    let mut text = format!("{} ({}): {}\n", topic.name, topic.kind, topic.summary);
    for part in [topic.text, &topic.example] {
        if !part.is_empty() {
            text += &format!("\n{}\n", part.trim_end());
        }
    }
    text
}

/// Of a key without a page of its own.
fn key_page(key: &schema::Entry) -> String {
    let text = format!("{} (key): {}\n", key.path, key.summary);
    if key.text.is_empty() { text } else { format!("{text}{}\n", key.text) }
}

fn find<'a>(topics: &'a [Topic], asked: &str) -> Result<&'a Topic> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let asked_plain = plain(asked);
    // The words of steps stand on one page.
    let named = |name: &str| topics.iter().find(|topic| plain(topic.name) == name);
    let of_steps = || steps::WORDS.contains(&asked_plain.as_str()).then(|| named("steps")).flatten();
    if let Some(topic) = named(&asked_plain).or_else(of_steps) {
        return Ok(topic);
    }
    let words = schema::words();
    let mut known: Vec<&str> =
        topics.iter().map(|topic| topic.name).chain(words.iter().map(String::as_str)).collect();
    known.sort_unstable();
    known.dedup();
    known.extend(ALIASES.iter().map(|alias| alias.name));
    let near = near_names(asked, &known);
    let error = Error::new(Kind::Usage, format!("there is no topic {asked:?}"));
    Err(if near.is_empty() {
        error.help("`goldpath explain` lists the topics")
    } else {
        error.help(format!("did you mean {}? `goldpath explain` lists all topics", near.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_can_be_found_and_fits_a_screen() {
        let topics = all();
        assert_eq!(topics.iter().filter(|t| t.kind == "rule").count(), 12);
        assert_eq!(topics.iter().filter(|t| t.kind == "rounding mode").count(), 10);
        assert_eq!(topics.iter().filter(|t| t.kind == "preset").count(), 32);
        let of_aliases = ALIASES.iter().map(|alias| aliases::named(alias.name, &topics));
        let pages = topics.iter().map(page).chain(of_aliases.flatten().map(|named| aliases::page(&named)));
        for page in pages {
            assert!(page.lines().all(|line| line.chars().count() <= 110), "{page}");
            assert!(page.lines().count() <= 40, "{page}");
        }
        for topic in &topics {
            let same: Vec<_> = topics.iter().filter(|t| t.name.eq_ignore_ascii_case(topic.name)).collect();
            assert_eq!(same.len(), 1, "{} is explained twice", topic.name);
            assert!(find(&topics, &topic.name.to_uppercase()).is_ok());
        }
    }

    #[test]
    fn a_kind_is_asked_for_like_a_topic() {
        let topics = all();
        let of = |asked: &str| topics.iter().filter(|topic| is_kind(topic, asked)).count();
        assert_eq!([of("presets"), of("preset"), of("rounding-modes"), of("rules")], [32, 32, 10, 12]);
        assert!(of("keys") >= 2 && of("nothing") == 0);
        let listed = list(&topics);
        assert!(listed.contains("\nclasses\n") && !listed.contains("classs"), "{listed}");
    }

    #[test]
    fn an_unknown_topic_is_refused_with_the_near_ones() {
        let error = find(&all(), "even").err().unwrap();
        assert!(error.help.unwrap().contains("half_even"));
        assert!(find(&all(), "round").is_err());
        assert!(find(&all(), "zzz").err().unwrap().help.unwrap().contains("lists the topics"));
    }

    #[test]
    fn a_name_of_another_system_leads_to_ours() {
        let topics = all();
        let pages =
            |asked: &str| aliases::named(asked, &topics).iter().map(aliases::page).collect::<Vec<_>>();
        let convergent = pages("ap_rnd_conv");
        assert!(convergent[0].starts_with("AP_RND_CONV of ap_fixed is \"half_even\"\n"), "{convergent:?}");
        assert!(convergent[0].contains("\nhalf_even (rounding mode): ") && convergent.len() == 1);
        assert_eq!(pages("Round").len(), 2);
        assert!(pages("qonnx:half_up")[0].starts_with("HALF_UP of QONNX is \"half_away\"\n"));
        assert!(
            pages("AP_SAT_ZERO")[0].contains("no equal here") && !pages("JAM")[0].contains("(rounding mode)")
        );
        // Ours comes first, and says whose name it is, too.
        let ours = page(find(&topics, "half_up").unwrap());
        assert!(ours.contains("trap: HALF_UP of QONNX is \"half_away\""), "{ours}");
        assert!(ours.contains("AP_RND (ap_fixed)") && ours.contains("UG1399"), "{ours}");
        let table = page(find(&topics, "aliases").unwrap());
        assert!(ALIASES.iter().all(|alias| table.contains(alias.name)), "{table}");
    }

    #[test]
    fn examples_say_what_the_text_says() {
        let example = |name: &str| (find(&all(), name).unwrap().example)();
        assert!(example("R4").contains("128 becomes -128"), "{}", example("R4"));
        assert!(example("R5").contains("128 becomes 127"));
        assert!(example("half_up").contains("-832 / 2^7 is -6"));
        assert!(
            example("steps").contains("\"saturate\", width = 8: 130 becomes 127"),
            "{}",
            example("steps")
        );
        let row = |name: &str| {
            let text = example(name);
            let line = text.lines().find_map(|line| line.strip_prefix("  y ")).unwrap_or_default();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        // Sums from -7 to 7 at a quarter, as the frameworks were seen to round them.
        for (name, outputs) in [
            ("tflite_double", "-2 -2 -1 -1 -1 -1 0 0 1 1 1 1 2 2 2"),
            ("ruy_x86", "-1 -1 -1 -1 0 0 0 0 1 1 1 1 2 2 2"),
            ("litert_fc_reference", "-2 -2 -1 -1 -1 -1 0 0 0 1 1 1 1 2 2"),
            ("xnnpack_rndnu", "-2 -1 -1 -1 -1 0 0 0 0 1 1 1 1 2 2"),
            ("onnxruntime", "-2 -2 -1 -1 -1 0 0 0 0 0 1 1 1 2 2"),
            ("xnnpack_rndnu16", "-1 -1 -1 -1 0 0 0 0 1 1 1 1 2 2 2"),
        ] {
            assert_eq!(row(name), outputs, "{name}");
        }
        assert!(example("double_rounding").contains("12") && example("double_rounding").contains("11"));
        assert!(example("order").contains("27") && example("order").contains("100"));
    }
}
