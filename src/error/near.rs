//! Names that somebody may have meant: what a name that is not known looks like.

/// Names that are offered at once.
const MOST: usize = 5;

/// The candidates that `asked` may have meant, the nearest first: those that begin or end as it does or hold it, and those
/// that few edits away are it. Case, `-`, `_`, `.` and `/` do not count.
///
/// ```
/// use goldpath::error::near_names;
/// assert_eq!(near_names("conv2", &["conv1_quant", "conv2_quant"]), ["conv2_quant"]);
/// assert_eq!(near_names("halfup", &["half_even", "half_up", "R1"])[0], "half_up");
/// assert!(near_names("zzz", &["half_even"]).is_empty());
/// ```
pub fn near_names<'a>(asked: &str, candidates: &[&'a str]) -> Vec<&'a str> {
    let wanted = plain(asked);
    let mut near: Vec<(usize, usize, &str)> = Vec::new();
    for (place, name) in candidates.iter().enumerate() {
        let other = plain(name);
        let (short, long) = (wanted.len().min(other.len()), wanted.len().max(other.len()));
        if short == 0 {
            continue;
        }
        let holds = short >= 2 && (other.contains(&wanted) || wanted.contains(&other));
        let distance = edits(&wanted, &other);
        // A part of a name is nearer than another name of its length.
        if holds {
            near.push((distance.min(1), place, name));
        } else if distance <= long / 2 && distance < short {
            near.push((distance + 1, place, name));
        }
    }
    near.sort();
    near.into_iter().take(MOST).map(|(.., name)| name).collect()
}

/// The candidate that needs the fewest edits, if that is fewer than half of the key.
pub fn nearest<'a>(key: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let best = candidates.iter().copied().min_by_key(|c| edits(key, c))?;
    (edits(key, best) <= key.chars().count().max(best.len()) / 2).then_some(best)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !"-_./: ".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// Characters of a name that are compared: names of networks may be very long, and there may be thousands.
const MOST_COMPARED: usize = 64;

/// Levenshtein distance of the first characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(MOST_COMPARED).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(MOST_COMPARED).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
