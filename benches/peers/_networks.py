"""Our networks in PyTorch, layer for layer."""

import torchvision
from lightly.models.modules.heads import ProjectionHead
from torch import nn


def reference_cnn(channels, size, filters=32, stages=1, hidden=128, dropout=0.2):
    """`ReferenceCnn` of tinderbox-nn; PyTorch's default initialisation is also ours."""
    layers = []
    for stage in range(stages):
        width = filters << stage
        layers += [nn.Conv2d(channels, width, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels, size = width, (size - 2) // 2
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(channels * size * size, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
    )


def resnet18(channels=3, width=64, stem="imagenet"):
    """torchvision's ResNet-18 up to the average pooling: `ResNet` of tinderbox-nn with its stems and widths."""
    network = torchvision.models.resnet18()
    kernel, stride = {"imagenet": (7, 2), "cifar": (3, 1)}[stem]
    network.conv1 = nn.Conv2d(
        channels, width, kernel, stride, padding=kernel // 2, bias=False
    )
    network.bn1 = nn.BatchNorm2d(width)
    if stem == "cifar":
        network.maxpool = nn.Identity()
    # torchvision fixes the width at 64, so the stages are built anew, by its own method.
    network.inplanes = width
    for stage in range(4):
        layer = network._make_layer(
            torchvision.models.resnet.BasicBlock,
            width << stage,
            2,
            stride=1 if stage == 0 else 2,
        )
        setattr(network, f"layer{stage + 1}", layer)
    network.fc = nn.Identity()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def projection_head(features, hidden, output, batch_norm=True):
    """lightly's head in our shape. Its `SimCLRProjectionHead` also normalises the output, ours does not."""
    norm = nn.BatchNorm1d(hidden) if batch_norm else None
    return ProjectionHead(
        [(features, hidden, norm, nn.ReLU()), (hidden, output, None, None)]
    )
