//! How strong vectors are, in words.

use crate::neighbours::Score;

/// A few lines: how many neighbours are told apart, and what never happened where some are not.
pub fn score_text(score: &Score) -> String {
    let equal = score.equal.len();
    let mut text = format!(
        "  strength: {} of {} neighbours of the design told apart; {equal} proved equal, {} left\n",
        score.caught,
        score.neighbours,
        score.missed.len()
    );
    for line in &score.words {
        text += &format!("    {line}\n");
    }
    text
}
