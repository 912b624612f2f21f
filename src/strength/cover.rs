//! The fewest sets that hold together what all hold.

use std::cmp::Reverse;

/// Sets that are few enough for every choice of them to be tried.
const TRIED: usize = 16;

/// Indices of sets whose union is that of all, in order, and whether no fewer would do: shown by trying, where there are
/// at most 16. Of as many, those that a greedy choice takes: at each turn the first set that adds most.
pub fn smallest(sets: &[Vec<bool>]) -> (Vec<usize>, bool) {
    let packed: Vec<Vec<u64>> = sets.iter().map(|set| pack(set)).collect();
    let all = union(&packed, 0..packed.len());
    let greedy = greedy(&packed, &all);
    if greedy.len() <= 1 {
        return (greedy, true);
    }
    if packed.len() > TRIED {
        return (greedy, false);
    }
    let members = |choice: u32| (0..packed.len()).filter(move |at| choice >> at & 1 == 1);
    let mut fewer: Vec<u32> =
        (1..1_u32 << packed.len()).filter(|c| (c.count_ones() as usize) < greedy.len()).collect();
    fewer.sort_by_key(|choice| (choice.count_ones(), Reverse(choice.reverse_bits())));
    match fewer.into_iter().find(|choice| union(&packed, members(*choice)) == all) {
        Some(choice) => (members(choice).collect(), true),
        None => (greedy, true),
    }
}

fn greedy(sets: &[Vec<u64>], all: &[u64]) -> Vec<usize> {
    let mut held = vec![0; all.len()];
    let mut chosen = Vec::new();
    while held != all {
        let adds =
            |set: &Vec<u64>| set.iter().zip(&held).map(|(new, old)| (new & !old).count_ones()).sum::<u32>();
        // The first of equals: `max_by_key` takes the last.
        let best = (0..sets.len()).rev().max_by_key(|at| adds(&sets[*at])).unwrap_or(0);
        chosen.push(best);
        held.iter_mut().zip(&sets[best]).for_each(|(held, new)| *held |= new);
    }
    // What a later choice made needless goes.
    let mut at = 0;
    while at < chosen.len() {
        let others = chosen.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, set)| *set);
        if union(sets, others) == all {
            chosen.remove(at);
        } else {
            at += 1;
        }
    }
    chosen.sort_unstable();
    chosen
}

fn pack(set: &[bool]) -> Vec<u64> {
    let word = |flags: &[bool]| flags.iter().rev().fold(0, |word, flag| word << 1 | u64::from(*flag));
    set.chunks(64).map(word).collect()
}

fn union(sets: &[Vec<u64>], of: impl Iterator<Item = usize>) -> Vec<u64> {
    let mut held = vec![0; sets.first().map_or(0, Vec::len)];
    of.for_each(|at| held.iter_mut().zip(&sets[at]).for_each(|(held, new)| *held |= new));
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(members: &[&[usize]]) -> Vec<Vec<bool>> {
        let most = members.iter().flat_map(|set| set.iter()).max().map_or(0, |most| most + 1);
        members.iter().map(|set| (0..most).map(|at| set.contains(&at)).collect()).collect()
    }

    #[test]
    fn greed_alone_would_take_three() {
        let tempting = sets(&[&[0, 1, 2, 3], &[0, 1, 4], &[2, 3, 5]]);
        assert_eq!(smallest(&tempting), (vec![1, 2], true));
    }

    #[test]
    fn nothing_and_one_set_that_holds_all() {
        assert_eq!(smallest(&sets(&[&[], &[]])), (vec![], true));
        assert_eq!(smallest(&sets(&[&[1], &[0, 1, 70], &[0, 1, 70]])), (vec![1], true));
    }

    /// Against every choice, most sets first, by another reckoning.
    #[test]
    fn no_choice_of_fewer_holds_all() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let (count, most) = (1 + draw(8) as usize, 1 + draw(90) as usize);
            let sets: Vec<Vec<bool>> =
                (0..count).map(|_| (0..most).map(|_| draw(3) == 0).collect()).collect();
            let covers = |choice: u32| {
                let held = |at: usize| (0..count).any(|s| choice >> s & 1 == 1 && sets[s][at]);
                (0..most).all(|at| held(at) == sets.iter().any(|set| set[at]))
            };
            let fewest = (0..1_u32 << count).filter(|c| covers(*c)).map(u32::count_ones).min().unwrap();
            let (chosen, proved) = smallest(&sets);
            assert!(proved && covers(chosen.iter().map(|at| 1 << at).sum()));
            assert_eq!(chosen.len(), fewest as usize, "{sets:?}");
        }
    }

    #[test]
    fn many_sets_are_chosen_greedily() {
        let many: Vec<Vec<bool>> = (0..40).map(|s| (0..40).map(|at| at == s).collect()).collect();
        assert_eq!(smallest(&many), ((0..40).collect(), false));
    }
}
