"""Our networks in PyTorch, layer for layer."""

import torchvision
from lightly.models.modules.heads import ProjectionHead
from torch import nn


def reference_cnn(channels, size, filters=32, hidden=128, dropout=0.2):
    """`ReferenceCnn` of tinderbox-nn; PyTorch's default initialisation is also ours."""
    side = (size - 2) // 2
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(filters * side * side, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
    )


def resnet18_cifar():
    """torchvision's ResNet-18 with the stem for CIFAR, up to the average pooling."""
    network = torchvision.models.resnet18()
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()
    network.fc = nn.Identity()
    return network


def projection_head(features, hidden, output, batch_norm=True):
    """lightly's head in our shape. Its `SimCLRProjectionHead` also normalises the output, ours does not."""
    norm = nn.BatchNorm1d(hidden) if batch_norm else None
    return ProjectionHead(
        [(features, hidden, norm, nn.ReLU()), (hidden, output, None, None)]
    )
