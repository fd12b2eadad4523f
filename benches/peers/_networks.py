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


class ResNet18(torchvision.models.ResNet):
    """torchvision's ResNet-18 up to the average pooling, of any width and with either stem."""

    def __init__(self, channels=3, stem="imagenet", width=64):
        super().__init__(torchvision.models.resnet.BasicBlock, [2, 2, 2, 2])
        if stem == "imagenet":
            self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        else:
            self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(width)
        self.inplanes = width
        for stage in range(4):
            block = torchvision.models.resnet.BasicBlock
            layer = self._make_layer(block, width << stage, 2, stride=1 if stage == 0 else 2)
            setattr(self, f"layer{stage + 1}", layer)
        self.fc = nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def projection_head(features, hidden, output, batch_norm=True):
    """lightly's head in our shape. Its `SimCLRProjectionHead` also normalises the output, ours does not."""
    norm = nn.BatchNorm1d(hidden) if batch_norm else None
    return ProjectionHead(
        [(features, hidden, norm, nn.ReLU()), (hidden, output, None, None)]
    )
