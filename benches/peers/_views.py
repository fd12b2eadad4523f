"""Random views with torchvision's transforms v2, from pictures in memory and from JPEG files."""

from pathlib import Path

import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.transforms import v2

# Where our side, which starts first, writes them; relative to the repository.
PICTURES = Path("target/bench/pictures")


def _view(size, strength, blur):
    colour = v2.ColorJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength)
    steps = [
        v2.RandomResizedCrop(size, scale=(0.08, 1.0), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([colour], p=0.8),
        v2.RandomGrayscale(p=0.2),
    ]
    if blur:
        # SimCLR's: an odd kernel of a tenth of the height.
        steps.append(v2.RandomApply([v2.GaussianBlur(23, sigma=(0.1, 2.0))], p=0.5))
    steps += [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    steps.append(v2.Normalize([0.5] * 3, [0.25] * 3))
    return v2.Compose(steps)


def _two_views(items, load, view):
    def step():
        pairs = [(view(image), view(image)) for image in map(load, items)]
        left, right = (torch.stack(views) for views in zip(*pairs))
        return left[0, 0, 0, 0] + right[0, 0, 0, 0]

    # No model and no optimiser.
    return None, step, None


def views_cifar(batch, _length, options):
    images = torch.randint(256, (batch, 3, 32, 32), dtype=torch.uint8)
    view = _view(32, strength=0.5, blur=False)
    if options.pil:
        images = [v2.functional.to_pil_image(image) for image in images]
    return _two_views(list(images), lambda image: image, view)


def views_jpeg(batch, _length, options):
    files = sorted(PICTURES.glob("*.jpg"))
    paths = [str(files[place % len(files)]) for place in range(batch)]
    view = _view(224, strength=1.0, blur=True)

    def as_tensor(path):
        return decode_jpeg(read_file(path), mode=ImageReadMode.RGB)

    def as_pil(path):
        with Image.open(path) as image:
            return image.convert("RGB")

    return _two_views(paths, as_pil if options.pil else as_tensor, view)
