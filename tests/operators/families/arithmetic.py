"""Add, Mul and Relu of every type that goldpath takes."""

from . import broadcast, case, of_type, shape


def cases(random):
    for index in range(400):
        kind = ["Add", "Mul", "Relu"][index % 3]
        dtype = random.choice(["float32", "int32", "int64"])
        if kind == "Relu":
            yield case(kind, {"x": of_type(random, shape(random), "float32")})
        else:
            a, b = broadcast(random)
            yield case(kind, {"a": of_type(random, a, dtype), "b": of_type(random, b, dtype)})
