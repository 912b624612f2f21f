//! Idle cycles between beats, which the schedule does not ask for: a host that has nothing to send now and then.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::datapath::{Feed, Rests};
use crate::lower::Program;

/// How the host rests. Outcomes and the sequence of beats do not depend on it, cycles do.
///
/// With gaps, every other tile, the last one among them, is fed with rests; the tiles between follow their predecessor
/// at once, beat after beat. All tiles with rests rest alike. In a rest, valid, first and last are 0, and operands and
/// channel stay what they were in the last beat: hardware that does not look at valid takes it twice. Host-skewed rows and
/// columns rest later, as their beats come later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gaps {
    seed: Option<u64>,
}

/// Rests of a pattern: a quarter of its beats wait, and this long. Few enough that a directed bundle, which has at most 16 000
/// cycles without, keeps below 20 000.
const LENGTHS: [usize; Rests::BEATS / 4] = [1, 1, 1, 1, 1, 2, 2, 3];

impl Gaps {
    /// Beat after beat, tile after tile.
    pub const fn none() -> Gaps {
        Gaps { seed: None }
    }

    /// Rests at places that the seed chooses. A tile's second beat and its last one always wait, and so do a tile and a
    /// cleared accumulator. The last one waits for as long as a sum is on its way back to its accumulator: what an adder
    /// took in the rest has then come to an accumulator before it is read.
    pub const fn mixed(seed: u64) -> Gaps {
        Gaps { seed: Some(seed) }
    }

    /// Whether there are none.
    pub fn is_none(self) -> bool {
        self.seed.is_none()
    }

    /// What the seed was, where there are gaps.
    pub fn seed(self) -> Option<u64> {
        self.seed
    }

    /// The rests of the program's tiles that have some.
    pub fn rests(self, program: &Program) -> Option<Rests> {
        let (beats, looped) = (program.tile_beats(), program.design.array.loop_latency as usize);
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed?.to_le_bytes());
        key[8] = 2;
        let mut random = ChaCha8Rng::from_seed(key);
        // Below a count of at most 32, a remainder is uniform enough, and the same on every machine.
        let mut below = |count: usize| (random.next_u32() % count as u32) as usize;
        let (lead, settle) = (1 + below(3), 1 + below(3));
        let mut before = [0; Rests::BEATS];
        before[..LENGTHS.len()].copy_from_slice(&LENGTHS);
        for last in (1..Rests::BEATS).rev() {
            before.swap(last, below(last + 1));
        }
        let always = [1, beats.saturating_sub(1) % Rests::BEATS];
        for place in always {
            let spare = (0..Rests::BEATS).find(|other| before[*other] > 0 && !always.contains(other));
            if let Some(spare) = spare.filter(|_| before[place] == 0) {
                before.swap(place, spare);
            }
        }
        if looped > 1 {
            let last = &mut before[always[1]];
            *last = looped.max(*last);
        }
        Some(Rests { lead, settle, before })
    }

    /// How tiles are fed: those with an even number, and those with an odd one.
    pub fn feeds(self, program: &Program) -> [Feed; 2] {
        let dense = Feed { clears: program.design.time().clears, beats: program.tile_beats(), rests: None };
        let mut feeds = [dense, dense];
        feeds[resting(program)].rests = self.rests(program);
        feeds
    }
}

/// Whether tiles with rests have even numbers, 0, or odd ones, 1: the last one rests, and so does a tile alone.
pub fn resting(program: &Program) -> usize {
    (program.tile_count() + 1) % 2
}
