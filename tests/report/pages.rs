//! What a page is made of, without a browser.

use std::collections::BTreeSet;

use goldpath::report::{overflow_html, sweep_html};

use super::examples::{EVIL, drawings, overflow, sweep};
use super::markup::{Tag, elements};

const LARGEST_BYTES: usize = 2_000_000;

fn pages() -> [(&'static str, String); 2] {
    [("overflow", overflow_html(&overflow(), &drawings()).unwrap()), ("sweep", sweep_html(&sweep()).unwrap())]
}

fn count(tags: &[Tag], name: &str) -> usize {
    tags.iter().filter(|tag| tag.name == name).count()
}

#[test]
fn a_page_is_well_formed_and_needs_nothing_else() {
    for (name, page) in pages() {
        let tags = elements(&page).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let known: BTreeSet<&str> = [
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "header",
            "section",
            "figure",
            "figcaption",
            "h1",
            "h2",
            "p",
            "dl",
            "div",
            "dt",
            "dd",
            "ul",
            "li",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "span",
            "svg",
            "g",
            "text",
            "line",
            "rect",
            "circle",
            "path",
        ]
        .into();
        for tag in &tags {
            assert!(known.contains(tag.name.as_str()), "{name}: <{}>", tag.name);
            for (key, value) in &tag.attributes {
                assert!(
                    !key.starts_with("on") && !["src", "href", "style"].contains(&key.as_str()),
                    "{key}={value}"
                );
            }
        }
        for loader in ["url(", "@import", "@font-face"] {
            assert!(!page.contains(loader), "{name}: {loader}");
        }
        assert!(page.len() < LARGEST_BYTES, "{name}: {} bytes", page.len());
        // To be looked at.
        std::fs::write(format!("{}/report-{name}.html", env!("CARGO_TARGET_TMPDIR")), &page).unwrap();
        println!("{name}: {} bytes, {} elements, {} drawings", page.len(), tags.len(), count(&tags, "svg"));
    }
}

#[test]
fn every_kind_of_chart_is_there_and_has_a_name() {
    for ((name, page), least) in pages().into_iter().zip([7, 11]) {
        let tags = elements(&page).unwrap();
        let charts: Vec<&Tag> =
            tags.iter().filter(|t| t.attributes.contains(&("role".into(), "img".into()))).collect();
        assert!(charts.len() >= least, "{name}: {} charts", charts.len());
        for chart in charts {
            let label = chart.attributes.iter().find(|a| a.0 == "aria-label").map(|a| a.1.as_str());
            assert!(label.is_some_and(|l| !l.is_empty()), "{name}: a chart without a name");
        }
        assert_eq!(count(&tags, "table"), count(&tags, "caption"), "{name}: a table without a caption");
        assert_eq!(count(&tags, "h1"), 1);
    }
}

#[test]
fn names_that_want_to_be_markup_are_text() {
    for (name, page) in pages() {
        let tags = elements(&page).unwrap();
        assert_eq!((count(&tags, "script"), count(&tags, "style")), (0, 1), "{name}");
        assert!(!page.contains(EVIL) && !page.contains("<script") && !page.contains("src=\""), "{name}");
        let shown = page.matches("&lt;script src=&quot;https:").count();
        assert!(shown >= 2, "{name}: the name is to be seen");
        assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'), "{name}");
    }
}

#[test]
fn the_same_answer_gives_the_same_bytes() {
    assert_eq!(pages(), pages());
}

#[test]
fn the_lead_says_what_was_found() {
    let [(_, overflow), (_, sweep)] = pages();
    let lead = |page: &str| {
        let from = page.find("<p class=\"lead\">").unwrap() + 16;
        let lead = page[from..][..page[from..].find("</p>").unwrap()].replace('\u{202f}', " ");
        // Behind it stand names that want to be markup.
        let (lead, not_felt) =
            lead.split_once(" The answers do not feel what an accumulator does in ").unwrap();
        assert!(not_felt.starts_with("2 of 4 MACs, whose values stay the framework"), "{not_felt}");
        lead.to_owned()
    };
    insta::assert_snapshot!(lead(&overflow), @"1000 images in 3 layers: 10 875 of 94 080 outputs overflow (5895 events at accumulator). 5240 are transient, 3275 surviving, 1572 harmful, 2 decisive and 786 unevaluated. On these inputs, with these wrong outputs in front of later layers, 18 accumulator bits hold what enters the accumulator in each of these layers (2 more MACs are fed by integers and not looked at); 24 are proved to hold it for every input.");
    insta::assert_snapshot!(lead(&sweep), @"On 1000 images 1 of 4 MACs (2 more are fed by integers and not looked at) meet no accumulator overflow from 19 bits on; no width up to 64 bits is proved to hold every sum, whatever the input. With exact sums its top-1 accuracy is 97.00 % (970 of 1000). The narrowest accumulator tried that keeps that accuracy has 19 bits (wrap).");
}
