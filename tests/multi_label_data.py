"""Images that show any of three colored bars: a data set with independent labels."""

import numpy as np
from PIL import Image

LABELS = ("blue", "green", "red")
SIZE = 16


def write(root, train=160, test=60, seed=0):
    """Writes `train/` and `test/`, each with images and a `labels.csv`."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", train), ("test", test)):
        folder = root / split
        folder.mkdir(parents=True)
        lines = ["file,labels"]
        for number in range(count):
            shown = rng.random(len(LABELS)) < 0.4
            name = f"{number:03d}.png"
            Image.fromarray(_image(rng, shown)).save(folder / name)
            labels = [label for label, on in zip(LABELS, shown, strict=True) if on]
            lines.append(f"{name},{';'.join(labels)}")
        (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _image(rng, shown):
    """Returns dark noise with a horizontal bar in the color of each label that is shown."""
    image = rng.integers(0, 80, (SIZE, SIZE, 3), dtype=np.uint8)
    for channel, on in zip((2, 1, 0), shown, strict=True):
        if on:
            top = int(rng.integers(0, SIZE - 4))
            image[top : top + 4, :, channel] = 255
    return image
