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
    /// In the circuit what this net of it holds, or, with `true`, the opposite; in the mutant the opposite of that.
    Apart(usize, bool),
    /// In the mutant the opposite of what it is in the circuit.
    Opposite,
    /// This value in the circuit, and the other in the mutant.
    Turned(bool),
    /// It may be another one in the mutant.
    Other,
}

impl Bit {
    pub fn differs(self) -> bool {
        self == Bit::Other || self.is_opposite()
    }

    pub fn is_opposite(self) -> bool {
        matches!(self, Bit::Apart(..) | Bit::Opposite | Bit::Turned(_))
    }

    /// Under a name: two bits with one name are one bit.
    pub fn named(self, net: usize) -> Bit {
        match self {
            Bit::Same => Bit::Net(net, false),
            Bit::Opposite => Bit::Apart(net, false),
            bit => bit,
        }
    }

    /// A clock later, in the register that drives this net.
    pub fn taken(self, net: usize) -> Bit {
        match self {
            Bit::Known(_) | Bit::Turned(_) | Bit::Other => self,
            Bit::Net(..) | Bit::Same => Bit::Net(net, false),
            Bit::Apart(..) | Bit::Opposite => Bit::Apart(net, false),
        }
    }

    pub fn not(self) -> Bit {
        match self {
            Bit::Known(value) => Bit::Known(!value),
            Bit::Net(net, inverted) => Bit::Net(net, !inverted),
            Bit::Apart(net, inverted) => Bit::Apart(net, !inverted),
            Bit::Turned(value) => Bit::Turned(!value),
            Bit::Same | Bit::Opposite | Bit::Other => self,
        }
    }

    pub fn and(self, other: Bit) -> Bit {
        match (self, other) {
            (Bit::Known(false), _) | (_, Bit::Known(false)) => Bit::Known(false),
            (Bit::Known(true), bit) | (bit, Bit::Known(true)) => bit,
            _ => match self.is_bit(other) {
                Some(true) => self,
                Some(false) => Bit::Known(false),
                None if self.differs() || other.differs() => Bit::Other,
                None => Bit::Same,
            },
        }
    }

    pub fn or(self, other: Bit) -> Bit {
        self.not().and(other.not()).not()
    }

    pub fn xor(self, other: Bit) -> Bit {
        match (self, other) {
            (Bit::Known(false), bit) | (bit, Bit::Known(false)) => bit,
            (Bit::Known(true), bit) | (bit, Bit::Known(true)) => bit.not(),
            (Bit::Other, _) | (_, Bit::Other) => Bit::Other,
            _ => match self.is_bit(other) {
                Some(is) => Bit::Known(!is),
                None if self.is_opposite() != other.is_opposite() => Bit::Opposite,
                None => Bit::Same,
            },
        }
    }

    /// Whether the other is this bit, or its opposite; `None`: it may be neither.
    fn is_bit(self, other: Bit) -> Option<bool> {
        match (self, other) {
            (Bit::Net(one, a), Bit::Net(two, b)) | (Bit::Apart(one, a), Bit::Apart(two, b)) if one == two => {
                Some(a == b)
            }
            (Bit::Turned(a), Bit::Turned(b)) => Some(a == b),
            _ => None,
        }
    }

    /// One of two, as this bit says. Where both are one bit, it does not matter what says so.
    pub fn choose(self, zero: Bit, one: Bit) -> Bit {
        match (self, zero, one) {
            (Bit::Known(false), _, _) => zero,
            (Bit::Known(true), _, _) => one,
            _ if zero == one && !matches!(zero, Bit::Same | Bit::Opposite) => zero,
            (Bit::Turned(false), _, _) => zero.beside(one),
            (Bit::Turned(true), _, _) => one.beside(zero),
            (Bit::Other, _, _) | (_, Bit::Other, _) | (_, _, Bit::Other) => Bit::Other,
            (_, Bit::Known(false), Bit::Known(true)) => self,
            (_, Bit::Known(true), Bit::Known(false)) => self.not(),
            _ if self.is_opposite() || zero.is_opposite() != one.is_opposite() => Bit::Other,
            _ if zero.is_opposite() => Bit::Opposite,
            _ => Bit::Same,
        }
    }

    /// This bit in the circuit, and another in the mutant.
    fn beside(self, mutant: Bit) -> Bit {
        let constant = |bit: Bit, turned: bool| match bit {
            Bit::Known(value) => Some(value),
            Bit::Turned(value) => Some(value != turned),
            _ => None,
        };
        match (self, mutant) {
            (Bit::Net(one, a), Bit::Net(two, b)) if one == two => {
                if a == b {
                    self
                } else {
                    Bit::Apart(one, a)
                }
            }
            // The opposite of the opposite.
            (Bit::Apart(one, a), Bit::Apart(two, b)) if one == two && a != b => Bit::Same,
            _ => match (constant(self, false), constant(mutant, true)) {
                (Some(ours), Some(its)) if ours == its => Bit::Known(ours),
                (Some(ours), Some(_)) => Bit::Turned(ours),
                _ => Bit::Other,
            },
        }
    }

    /// A bit of a sum or a difference, of two bits of the operands and a carry that is the same in both.
    pub fn added(self, other: Bit) -> Bit {
        match () {
            () if self == Bit::Other || other == Bit::Other => Bit::Other,
            () if self.is_opposite() != other.is_opposite() => Bit::Opposite,
            () => Bit::Same,
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
            Bit::Apart(net, inverted) => {
                let value = nets[0][net] != inverted;
                vec![[value, !value]]
            }
            Bit::Turned(value) => vec![[value, !value]],
            Bit::Opposite => vec![[false, true], [true, false]],
            Bit::Same => vec![[false, false], [true, true]],
            Bit::Other => vec![[false, false], [false, true], [true, false], [true, true]],
        }
    }

    /// Every operation on every value: two nets in both circuits, and a bit that differs is any pair of values.
    #[test]
    fn what_is_said_of_a_result_holds_for_every_value() {
        let nets = [0, 1].map(|net| Bit::Net(net, false));
        let apart = Bit::Apart(0, false);
        let [turned, known] = [Bit::Turned(false), Bit::Known(false)];
        let some =
            [known, known.not(), nets[0], nets[0].not(), nets[1], apart, apart.not(), turned, turned.not()];
        let some = [&some[..], &[Bit::Same, Bit::Opposite, Bit::Other]].concat();
        let mut seen = 0;
        for number in 0..16 * some.len().pow(3) {
            let [a, b, s] = [0, 1, 2].map(|at| some[number / 16 / some.len().pow(at) % some.len()]);
            let world = [[number & 1 > 0, number & 2 > 0], [number & 4 > 0, number & 8 > 0]];
            let mut check = |said: Bit, is: [bool; 2]| {
                seen += 1;
                // What is said of both at once is said of nets that are the same.
                let of_both = matches!(said, Bit::Same | Bit::Apart(..) | Bit::Opposite);
                let is_said = of_both && world[0] != world[1] || values(said, world).contains(&is);
                assert!(is_said, "{a:?} {b:?} {s:?}: {said:?}, not {is:?}");
            };
            for va in values(a, world) {
                check(a.not(), va.map(|a| !a));
                for vb in values(b, world) {
                    let both = |one: fn(bool, bool) -> bool| [one(va[0], vb[0]), one(va[1], vb[1])];
                    check(a.and(b), both(|a, b| a && b));
                    check(a.or(b), both(|a, b| a || b));
                    check(a.xor(b), both(|a, b| a != b));
                    for carry in [false, true] {
                        check(a.added(b), both(|a, b| a != b).map(|sum| sum != carry));
                    }
                    for vs in values(s, world) {
                        check(s.choose(a, b), [0, 1].map(|at| if vs[at] { vb[at] } else { va[at] }));
                    }
                }
            }
        }
        assert!(seen > 200_000, "{seen}");
    }
}
