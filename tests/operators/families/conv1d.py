"""float32 Conv of rank 3."""

from .conv import model


def cases(random):
    for _ in range(410):
        width = int(random.choice([1, 2, 3, 5, 8, 16, 17, 31, 64, 100, 200]))
        groups = int(random.choice([1, 1, 1, 2, 4]))
        channels = int(random.choice([1, 1, 2, 3, 8, 16, 64, 100, 128, 300]))
        filters = int(random.choice([1, 2, 3, 4, 8, 13, 16, 40, 100]))
        most = 600 if random.random() < 0.1 else 120
        while filters * groups * width > most and filters > 1:
            filters //= 2
        yield model(random, int(random.choice([1, 1, 2])), groups, channels, filters, [width])
