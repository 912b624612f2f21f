"""float32 Conv of one channel a group, with one or more filters each."""

from .conv import model


def cases(random):
    for _ in range(410):
        rank = int(random.choice([1, 2, 2, 2]))
        spatial = [int(random.choice([1, 2, 3, 5, 7, 8, 9, 12, 16, 17])) for _ in range(rank)]
        groups = int(random.choice([1, 2, 3, 4, 7, 8, 16]))
        filters = int(random.choice([1, 1, 1, 1, 2, 3, 16]))
        most = 900 if random.random() < 0.05 else 180
        while filters * groups * spatial[0] * spatial[-1] > most and groups > 1:
            groups //= 2
        yield model(random, int(random.choice([1, 1, 2])), groups, 1, filters, spatial)
