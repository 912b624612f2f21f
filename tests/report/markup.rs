//! A reader of markup, strict where browsers forgive: what it accepts is well-formed.

/// One tag with its attributes, as they stand in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

const VOID: [&str; 2] = ["meta", "br"];

/// Every element in order; an error names the first fault. The style's content is passed over.
pub fn elements(page: &str) -> Result<Vec<Tag>, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no document type")?;
    let (mut open, mut tags): (Vec<String>, Vec<Tag>) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        let end = rest[at..].find('>').ok_or("a tag does not end")? + at;
        let inside = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            match open.pop() {
                Some(last) if last == name => continue,
                last => return Err(format!("</{name}> closes {last:?}")),
            }
        }
        let is_closed = inside.ends_with('/');
        let tag = tag(inside.trim_end_matches('/'))?;
        if tag.name == "style" {
            let end = rest.find("</style>").ok_or("the style does not end")?;
            rest = &rest[end + "</style>".len()..];
        } else if !is_closed && !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    text(rest)?;
    if open.is_empty() { Ok(tags) } else { Err(format!("{open:?} is never closed")) }
}

fn tag(inside: &str) -> Result<Tag, String> {
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("<{inside}> has no name"));
    }
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.trim().is_empty() {
        let (key, behind) =
            rest.split_once("=\"").ok_or_else(|| format!("<{inside}>: attribute without value"))?;
        let (value, behind) =
            behind.split_once('"').ok_or_else(|| format!("<{inside}>: value does not end"))?;
        text(value)?;
        let key = key.trim().to_string();
        if attributes.iter().any(|(other, _)| *other == key) {
            return Err(format!("<{inside}>: {key} twice"));
        }
        attributes.push((key, value.to_string()));
        rest = behind;
    }
    Ok(Tag { name: name.to_string(), attributes })
}

/// Content and values hold no control character, and `&` only as one of the five known references.
fn text(text: &str) -> Result<(), String> {
    if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(format!("{:?} in {text:?}", c));
    }
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#x27;", "&#x2f;"];
        if !known.iter().any(|reference| text[at..].starts_with(reference)) {
            return Err(format!("a bare & in {text:?}"));
        }
    }
    Ok(())
}

#[test]
fn faults_are_found() {
    let page = |body: &str| elements(&format!("<!DOCTYPE html>\n<html>{body}</html>\n"));
    assert!(page("<p class=\"a\">x &amp; y</p><meta a=\"b\"><rect x=\"1\"/>").is_ok());
    let faults = [
        "<p>",
        "</p>",
        "<p><b></p></b>",
        "<p class=a></p>",
        "<p a=\"1\" a=\"2\"></p>",
        "a & b",
        "&nbsp;",
        "\u{1b}",
        "< b",
        "<style>",
    ];
    for fault in faults {
        assert!(page(fault).is_err(), "{fault:?} passes");
    }
}
