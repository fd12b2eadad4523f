"""Steps on images: SimCLR with lightly's head and loss, and the reference CNN on labels."""

import torch
from lightly.loss import NTXentLoss
from torch import nn

from _networks import projection_head, reference_cnn, resnet18

CLASSES = 10


def _sgd(model):
    return torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4
    )


def _simclr(encoder, features, shape, batch, options):
    layout = options.layout()
    model = nn.Sequential(encoder, projection_head(features, features, 128))
    model = options.prepare(model)
    views = [torch.rand(batch, *shape) * 2 - 1 for _ in range(2)]
    views = [view.contiguous(memory_format=layout) for view in views]
    criterion = NTXentLoss(temperature=0.5)

    def loss():
        # Both views pass as one batch, as ours do.
        left, right = model(torch.cat(views)).chunk(2)
        return criterion(left, right)

    return model, loss, _sgd(model)


def simclr_resnet18(batch, _length, options):
    return _simclr(resnet18(stem="cifar"), 512, (3, 32, 32), batch, options)


def simclr_cnn(batch, _length, options):
    encoder = reference_cnn(1, 28, dropout=0.0)
    return _simclr(encoder, 128, (1, 28, 28), batch, options)


def cnn(batch, _length, options):
    model = nn.Sequential(reference_cnn(1, 28), nn.Linear(128, CLASSES))
    model = options.prepare(model)
    images = torch.rand(batch, 1, 28, 28) * 2 - 1
    images = images.contiguous(memory_format=options.layout())
    labels = torch.randint(CLASSES, (batch,))
    return model, lambda: nn.functional.cross_entropy(model(images), labels), _sgd(model)
