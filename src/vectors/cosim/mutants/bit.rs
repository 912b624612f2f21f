//! What is known of a bit in a circuit and in its mutant, side by side.

/// One bit of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bit {
    /// This value.
    Known(bool),
    /// In each circuit what this net of it holds, or, with `true`, the opposite.
    Net(usize, bool),
    /// The same in both.
    Same,
    /// It may be another one in the mutant.
    Other,
}

impl Bit {
    pub fn differs(self) -> bool {
        self == Bit::Other
    }

    /// Under a name: two bits with one name are one bit.
    pub fn named(self, net: usize) -> Bit {
        if self == Bit::Same { Bit::Net(net, false) } else { self }
    }

    pub fn not(self) -> Bit {
        match self {
            Bit::Known(value) => Bit::Known(!value),
            Bit::Net(net, inverted) => Bit::Net(net, !inverted),
            Bit::Same | Bit::Other => self,
        }
    }

    pub fn and(self, other: Bit) -> Bit {
        match (self, other) {
            (Bit::Known(false), _) | (_, Bit::Known(false)) => Bit::Known(false),
            (Bit::Known(true), bit) | (bit, Bit::Known(true)) => bit,
            (Bit::Other, _) | (_, Bit::Other) => Bit::Other,
            (Bit::Net(one, _), Bit::Net(two, _)) if one == two => {
                if self == other {
                    self
                } else {
                    Bit::Known(false)
                }
            }
            _ => Bit::Same,
        }
    }

    pub fn or(self, other: Bit) -> Bit {
        self.not().and(other.not()).not()
    }

    pub fn xor(self, other: Bit) -> Bit {
        match (self, other) {
            (Bit::Known(value), bit) | (bit, Bit::Known(value)) => {
                if value {
                    bit.not()
                } else {
                    bit
                }
            }
            (Bit::Other, _) | (_, Bit::Other) => Bit::Other,
            (Bit::Net(one, a), Bit::Net(two, b)) if one == two => Bit::Known(a != b),
            _ => Bit::Same,
        }
    }

    /// One of two, as this bit says. Where both are one bit, it does not matter what says so.
    pub fn choose(self, zero: Bit, one: Bit) -> Bit {
        match (self, zero, one) {
            (Bit::Known(false), _, _) => zero,
            (Bit::Known(true), _, _) => one,
            _ if zero == one && zero != Bit::Same => zero,
            (Bit::Other, _, _) | (_, Bit::Other, _) | (_, _, Bit::Other) => Bit::Other,
            (_, Bit::Known(false), Bit::Known(true)) => self,
            (_, Bit::Known(true), Bit::Known(false)) => self.not(),
            _ => Bit::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bits_stop_a_difference_and_unknown_ones_do_not() {
        let [zero, one] = [false, true].map(Bit::Known);
        assert_eq!(zero.and(Bit::Other), zero);
        assert_eq!(one.or(Bit::Other), one);
        assert_eq!(one.and(Bit::Other), Bit::Other);
        assert_eq!(Bit::Same.and(Bit::Other), Bit::Other);
        assert_eq!(one.xor(Bit::Other), Bit::Other);
        assert_eq!(one.choose(Bit::Other, zero), zero);
        assert_eq!(Bit::Same.choose(Bit::Other, zero), Bit::Other);
        assert_eq!(Bit::Other.choose(one, one), one);
        assert_eq!(Bit::Other.choose(one, zero), Bit::Other);
        assert_eq!(Bit::Other.choose(Bit::Same, Bit::Same), Bit::Other);
    }

    /// What `bit` may be in circuit and mutant, whose nets hold these.
    fn values(bit: Bit, nets: [[bool; 2]; 2]) -> Vec<[bool; 2]> {
        match bit {
            Bit::Known(value) => vec![[value; 2]],
            Bit::Net(net, inverted) => vec![nets.map(|nets| nets[net] != inverted)],
            Bit::Same | Bit::Other => vec![[false, false], [false, true], [true, false], [true, true]],
        }
    }

    /// Every operation on every value: two nets in both circuits, and a bit that differs is any pair of values.
    #[test]
    fn what_is_said_of_a_result_holds_for_every_value() {
        let nets = [0, 1].map(|net| Bit::Net(net, false));
        let some = [Bit::Known(false), Bit::Known(true), nets[0], nets[0].not(), nets[1], Bit::Other];
        let mut seen = 0;
        for number in 0..16 * 216_usize {
            let [a, b, s] = [1, 6, 36].map(|each| some[number / 16 / each % 6]);
            let world = [[number & 1 > 0, number & 2 > 0], [number & 4 > 0, number & 8 > 0]];
            let mut check = |said: Bit, is: [bool; 2]| {
                seen += 1;
                match said {
                    Bit::Same => assert!(world[0] != world[1] || is[0] == is[1], "{a:?} {b:?} {s:?}"),
                    said => {
                        assert!(values(said, world).contains(&is), "{a:?} {b:?} {s:?}: {said:?}, not {is:?}")
                    }
                }
            };
            for va in values(a, world) {
                check(a.not(), va.map(|a| !a));
                for vb in values(b, world) {
                    let both = |one: fn(bool, bool) -> bool| [one(va[0], vb[0]), one(va[1], vb[1])];
                    check(a.and(b), both(|a, b| a && b));
                    check(a.or(b), both(|a, b| a || b));
                    check(a.xor(b), both(|a, b| a != b));
                    for vs in values(s, world) {
                        check(s.choose(a, b), [0, 1].map(|at| if vs[at] { vb[at] } else { va[at] }));
                    }
                }
            }
        }
        assert!(seen > 30_000, "{seen}");
    }
}
