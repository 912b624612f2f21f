"""Einsum: equations of attention, and random ones with dots, diagonals and any number of operands. Within 8 units in the
last place of the largest value."""

import numpy as np

from . import case, floats

ATTENTION = ["bhid,bhjd->bhij", "bhij,bhjd->bhid", "bid,bjd->bij", "...ij,...jk->...ik", "bnqd,bnkd->bnqk", "bqhd,bkhd->bhqk",
             "bhqk,bkhd->bqhd", "bsd,dhk->bshk", "bshk,hkd->bsd", "ij,jk", "i,i", "ii->i", "ii", "ij->ji", "i,j->ij", "bij,bjk,bkl->bil",
             "nchw,ck->nkhw", "b...d,...d->b..."]


def equation(random):
    if random.random() < 0.5:
        return str(random.choice(ATTENTION))
    letters = list("abcdXY")[: int(random.integers(2, 7))]
    terms = []
    for _ in range(int(random.integers(1, 4))):
        chosen = [str(c) for c in random.choice(letters, size=int(random.integers(1, min(4, len(letters) + 1))), replace=random.random() < 0.15)]
        if random.random() < 0.2:
            chosen.insert(int(random.integers(len(chosen) + 1)), "...")
        terms.append("".join(chosen))
    text = ",".join(terms)
    if random.random() < 0.3:
        return text
    used = sorted({c for term in terms for c in term.replace("...", "")})
    result = [c for c in used if random.random() < 0.6]
    random.shuffle(result)
    if "..." in text:
        result.insert(int(random.integers(len(result) + 1)), "...")
    return text + "->" + "".join(result)


def cases(random):
    for _ in range(520):
        text = equation(random)
        extents = {c: int(random.integers(1, 6)) for c in "abcdefghijklmnopqrstuvwxyzXY"}
        dots = tuple(int(n) for n in random.integers(1, 4, size=int(random.integers(0, 3))))
        feeds = {}
        for index, term in enumerate(text.split("->")[0].split(",")):
            before, has, after = term.partition("...")
            own = dots[int(random.integers(len(dots) + 1)):] if random.random() < 0.2 else dots
            shape = tuple(extents[c] for c in before) + (own if has else ()) + tuple(extents[c] for c in after)
            feeds[f"x{index}"] = floats(random, shape, corners=False)
        yield case("Einsum", feeds, opset=17, equation=text)
