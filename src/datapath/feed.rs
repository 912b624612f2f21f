//! When the host feeds one tile: its clear cycle, its beats, and how long it rests in front of each.
//!
//! ```text
//!  lead   clear   settle   beat 0   before[1]   beat 1   before[2]   beat 2 …        (then the schedule's own idle cycles)
//! ```

/// Idle cycles that the host puts in front of what it feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rests {
    /// In front of the tile: before its clear cycle, else before its first beat.
    pub lead: usize,
    /// Between the clear cycle and the first beat, where there is one.
    pub settle: usize,
    /// In front of beat b, b > 0: entry b mod [`Rests::BEATS`].
    pub before: [usize; Rests::BEATS],
}

impl Rests {
    /// Beats after which the pattern comes again.
    pub const BEATS: usize = 32;

    /// The cycle of a beat of the pattern, from the pattern's start.
    fn place(&self, beat: usize) -> usize {
        beat + self.before[..=beat].iter().sum::<usize>()
    }

    /// Cycles of the whole pattern, which ends with a beat.
    fn round(&self) -> usize {
        self.place(Rests::BEATS - 1) + 1
    }

    /// From beat 0, which waits for no `before[0]`, to another.
    fn cycles_to(&self, beat: usize) -> usize {
        let (rounds, place) = (beat / Rests::BEATS, beat % Rests::BEATS);
        rounds * self.round() + self.place(place) - self.before[0]
    }

    /// The first beat at least so many cycles after beat 0.
    fn beat_after(&self, cycles: usize) -> usize {
        let at = cycles + self.before[0];
        let (rounds, left) = (at / self.round(), at % self.round());
        let place = (0..Rests::BEATS).find(|beat| self.place(*beat) >= left);
        rounds * Rests::BEATS + place.unwrap_or(Rests::BEATS)
    }
}

/// One tile as every stream of the host has it, in cycles of the stream's own time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feed {
    /// 1 when a clear cycle comes before the first beat, else 0.
    pub clears: usize,
    /// Cycles in which every lane gets a pair of operands.
    pub beats: usize,
    /// What is between them; `None` where beat follows on beat.
    pub rests: Option<Rests>,
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Behind the last beat, or of another tile.
    Idle,
    /// A rest in front of the tile.
    Lead,
    /// The clear cycle.
    Clear,
    /// A rest behind the clear cycle.
    Settle,
    /// This beat.
    Beat(usize),
    /// A rest behind this beat, with another one to come.
    Rest(usize),
}

impl Feed {
    /// Cycles up to the last beat.
    pub fn length(&self) -> usize {
        self.beats.checked_sub(1).map_or(self.first(), |last| self.cycle_of(last) + 1)
    }

    /// The cycle of a beat.
    pub fn cycle_of(&self, beat: usize) -> usize {
        self.first() + self.rests.map_or(beat, |rests| rests.cycles_to(beat))
    }

    fn lead(&self) -> usize {
        self.rests.map_or(0, |rests| rests.lead)
    }

    /// The cycle of beat 0.
    fn first(&self) -> usize {
        let settle = self.rests.map_or(0, |rests| rests.settle);
        self.lead() + if self.clears > 0 { self.clears + settle } else { 0 }
    }

    /// What the stream carries in a cycle of the tile.
    pub fn slot(&self, cycle: usize) -> Slot {
        let Some(at) = cycle.checked_sub(self.first()) else {
            return match cycle.checked_sub(self.lead()) {
                None => Slot::Lead,
                Some(at) if at < self.clears => Slot::Clear,
                Some(_) => Slot::Settle,
            };
        };
        let beat = self.rests.as_ref().map_or(at, |rests| rests.beat_after(at));
        match beat < self.beats {
            false => Slot::Idle,
            true if self.rests.is_none() || self.cycle_of(beat) == cycle => Slot::Beat(beat),
            true => Slot::Rest(beat - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_drawing() {
        let mut before = [0; Rests::BEATS];
        (before[0], before[1], before[3]) = (2, 3, 1);
        let feed = Feed { clears: 1, beats: 5, rests: Some(Rests { lead: 2, settle: 1, before }) };
        let wanted = [
            Slot::Lead,
            Slot::Lead,
            Slot::Clear,
            Slot::Settle,
            Slot::Beat(0),
            Slot::Rest(0),
            Slot::Rest(0),
            Slot::Rest(0),
            Slot::Beat(1),
            Slot::Beat(2),
            Slot::Rest(2),
            Slot::Beat(3),
            Slot::Beat(4),
        ];
        assert_eq!(feed.length(), wanted.len());
        (0..wanted.len()).for_each(|cycle| assert_eq!(feed.slot(cycle), wanted[cycle], "{cycle}"));
        assert_eq!(feed.slot(wanted.len()), Slot::Idle);
    }

    #[test]
    fn beats_and_cycles_are_inverse() {
        let mut before = [0; Rests::BEATS];
        for (beat, rest) in before.iter_mut().enumerate() {
            *rest = beat * beat % 4;
        }
        before[0] = 1;
        for rests in [None, Some(Rests { lead: 3, settle: 2, before })] {
            for (clears, beats) in [(0, 0), (1, 0), (0, 1), (1, 31), (0, 32), (1, 33), (0, 200)] {
                let feed = Feed { clears, beats, rests };
                let mut found = (0..feed.length()).filter_map(|cycle| match feed.slot(cycle) {
                    Slot::Beat(beat) => Some((beat, cycle)),
                    _ => None,
                });
                assert!((0..beats).all(|beat| found.next() == Some((beat, feed.cycle_of(beat)))));
                assert!(found.next().is_none());
                assert!((0..3).all(|more| feed.slot(feed.length() + more) == Slot::Idle));
            }
        }
    }
}
