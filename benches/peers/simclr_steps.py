"""Seconds of a training step in PyTorch, for the shapes of `benches/src/step.rs`.

`cargo xtask bench peers simclr_steps`; `-- FILTER` takes only the rows whose name holds the word. Each shape has
two rows: tensors laid out as ours are, and channels-last. The batch is always the same, and ready.
"""

import argparse
import time

import torch
from lightly.loss import NTXentLoss
from torch import nn

from _networks import projection_head, reference_cnn, resnet18_cifar
from _results import THREADS, timed, write

BATCH = 128
CLASSES = 10


def simclr(encoder, features, shape, memory_format):
    model = nn.Sequential(encoder, projection_head(features, features, 128))
    model.to(memory_format=memory_format)
    views = [torch.rand(BATCH, *shape) * 2 - 1 for _ in range(2)]
    views = [view.contiguous(memory_format=memory_format) for view in views]
    criterion = NTXentLoss(temperature=0.5)

    def loss():
        # Both views pass as one batch, as ours do.
        left, right = model(torch.cat(views)).chunk(2)
        return criterion(left, right)

    return model, loss


def supervised(encoder, features, shape, memory_format):
    model = nn.Sequential(encoder, nn.Linear(features, CLASSES))
    model.to(memory_format=memory_format)
    images = torch.rand(BATCH, *shape) * 2 - 1
    images = images.contiguous(memory_format=memory_format)
    labels = torch.randint(CLASSES, (BATCH,))
    return model, lambda: nn.functional.cross_entropy(model(images), labels)


def step_seconds(model, loss, warm_up, runs):
    model.train()
    optimiser = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4
    )
    seconds = []
    for _ in range(warm_up + runs):
        start = time.perf_counter()
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
        value.item()
        seconds.append(time.perf_counter() - start)
    return seconds[warm_up:]


# Name, objective, encoder, its features, shape of an image, warm-up and timed steps, note.
SHAPES = [
    (
        "cnn-step",
        supervised,
        lambda: reference_cnn(1, 28),
        128,
        (1, 28, 28),
        (3, 50),
        "reference CNN with labels, 128 images of 1 x 28 x 28",
    ),
    (
        "simclr-cnn",
        simclr,
        lambda: reference_cnn(1, 28, dropout=0.0),
        128,
        (1, 28, 28),
        (3, 30),
        "reference CNN, 2 x 128 views of 1 x 28 x 28",
    ),
    (
        "simclr-resnet18",
        simclr,
        resnet18_cifar,
        512,
        (3, 32, 32),
        (1, 5),
        "ResNet-18, CIFAR stem, 2 x 128 views of 3 x 32 x 32",
    ),
]
FORMATS = [("", torch.contiguous_format), ("/channels-last", torch.channels_last)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", required=True)
    parser.add_argument("filter", nargs="?", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    rows = []
    for name, objective, encoder, features, shape, (warm_up, runs), note in SHAPES:
        for suffix, memory_format in FORMATS:
            if arguments.filter not in name + suffix:
                continue
            print(f"{name}{suffix} ...", flush=True)
            model, loss = objective(encoder(), features, shape, memory_format)
            seconds = step_seconds(model, loss, warm_up, runs)
            rows.append(timed(name + suffix, "s", seconds, note))
    write(arguments.json, rows)


if __name__ == "__main__":
    main()
