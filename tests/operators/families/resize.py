"""Resize in all modes: exact."""

import numpy as np

from . import case, of_type

MODES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def cases(random):
    for index in range(500):
        mode = ["nearest", "linear", "cubic"][index % 3]
        rank = int(random.choice({"nearest": [1, 2, 3, 4, 5], "linear": [2, 3, 4, 4, 5], "cubic": [2, 4, 4]}[mode]))
        size = [int(n) for n in random.integers(1, 5 if rank < 5 else 3, size=rank)]
        spatial = {1: [0], 2: [0, 1], 3: [0, 1, 2], 4: [2, 3], 5: [2, 3, 4]}[rank]
        if mode == "nearest" and random.random() < 0.3:
            spatial = list(range(rank))
        if rank == 4 and mode == "linear" and random.random() < 0.2:
            spatial = [1, 2]
        opset = int(random.choice([10, 11, 13, 18, 19]))
        coordinates = str(random.choice(MODES if opset >= 19 else MODES[:1] + MODES[2:]))
        kind = "float32" if mode == "cubic" else str(random.choice(["float32", "uint8", "int8", "int32"]))
        x = of_type(random, size, kind)
        if mode != "nearest" and kind == "float32":
            x = (random.standard_normal(size) * 3).astype(np.float32)
        scales = np.ones(rank, np.float32)
        for axis in spatial:
            scales[axis] = random.choice([0.5, 0.6, 0.75, 1, 1.5, 2, 2, 3, 2.7, 1.3])
        if opset == 10:
            if mode != "cubic":
                yield case("Resize", {"x": x, "scales": scales}, opset=10, mode=mode)
                continue
            opset = 11
        attributes = {"coordinate_transformation_mode": coordinates, "mode": mode}
        if mode == "nearest":
            attributes["nearest_mode"] = str(random.choice(NEAREST))
        if mode == "cubic":
            attributes["cubic_coeff_a"] = float(random.choice([-0.5, -0.75]))
            attributes["exclude_outside"] = int(random.integers(2))
        start = (random.random(rank) * 0.6 - 0.1).astype(np.float32)
        region = np.concatenate([start, start + random.random(rank).astype(np.float32)])
        region = region if coordinates == "tf_crop_and_resize" else np.zeros(0, np.float32)
        if coordinates == "tf_crop_and_resize":
            attributes["extrapolation_value"] = float(random.integers(-3, 9))
        if random.random() < 0.5:
            yield case("Resize", {"x": x, "roi": region, "scales": scales}, opset=opset, **attributes)
        else:
            sizes = np.array([int(random.integers(1, 7)) if a in spatial else n for a, n in enumerate(size)], np.int64)
            if opset >= 18 and random.random() < 0.4:
                attributes["axes"] = [int(a) for a in spatial]
                attributes["keep_aspect_ratio_policy"] = str(random.choice(["stretch", "not_larger", "not_smaller"]))
                sizes = sizes[spatial]
                if len(region):
                    region = np.concatenate([region[spatial], region[[rank + a for a in spatial]]])
            # Opset 11 wants empty scales, later ones none.
            scales = {"scales": np.zeros(0, np.float32)} if opset == 11 else {"_scales": None}
            yield case("Resize", {"x": x, "roi": region, **scales, "sizes": sizes}, opset=opset, **attributes)
