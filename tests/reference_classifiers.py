"""The paper's classifiers in PyTorch with the official names of weights, for the tests only.

`python -m tests.reference_classifiers` writes the golden file of `tests.official`.
"""

import json
import re
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from tests import official

RESNETS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}  # units of each stage


def build(name, channels=3, classes=official.NUM_CLASSES):
    """Builds a network by its name in this package; raises `ValueError` for an unknown one."""
    if wide := re.fullmatch(r"wrn(\d+)_(\d+)", name):
        return WideResNet(*map(int, wide.groups()), channels, classes)
    if name in RESNETS:
        return ResNet(RESNETS[name], channels, classes)
    if name == "vgg11_bn":
        return Vgg(channels, classes)
    raise ValueError(
        f"Unknown network. Expected wrnD_W, {', '.join(RESNETS)} or vgg11_bn. Received: {name!r}"
    )


def logits(name, side, state):
    """Returns float64 logits of a network in evaluation mode for the images of `official`."""
    network = build(name).double().eval()
    network.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
    mean, std = (torch.tensor(x, dtype=torch.float64) for x in (official.MEAN, official.STD))
    standardized = (torch.tensor(official.images(side)).double() - mean) / std
    with torch.no_grad():
        return network(standardized.permute(0, 3, 1, 2)).numpy()


def conv3(inputs, outputs, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)


class PreActivation(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv3(outputs, outputs)
        if inputs != outputs:
            self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, maps):
        active = self.bn1(maps).relu()
        shortcut = self.convShortcut(active) if hasattr(self, "convShortcut") else maps
        return shortcut + self.conv2(self.bn2(self.conv1(active)).relu())


class WideResNet(nn.Module):
    def __init__(self, depth, width, channels, classes):
        super().__init__()
        self.conv1 = conv3(channels, 16)
        inputs = 16
        for stage, filters in enumerate((16 * width, 32 * width, 64 * width), start=1):
            units = []
            for unit in range((depth - 4) // 6):
                units.append(PreActivation(inputs, filters, 2 if stage > 1 and unit == 0 else 1))
                inputs = filters
            layer = nn.Sequential(OrderedDict(layer=nn.Sequential(*units)))
            setattr(self, f"block{stage}", layer)
        self.bn1, self.fc = nn.BatchNorm2d(inputs), nn.Linear(inputs, classes)

    def forward(self, images):
        maps = self.block3(self.block2(self.block1(self.conv1(images))))
        return self.fc(self.bn1(maps).relu().mean(dim=(2, 3)))


class Basic(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if (inputs, stride) != (outputs, 1):
            project = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, nn.BatchNorm2d(outputs))

    def forward(self, maps):
        residual = self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu()))
        return (residual + self.shortcut(maps)).relu()


class ResNet(nn.Module):
    def __init__(self, units, channels, classes):
        super().__init__()
        self.conv1, self.bn1 = conv3(channels, 64), nn.BatchNorm2d(64)
        inputs = 64
        for stage, count in enumerate(units, start=1):
            filters, layer = 32 * 2**stage, nn.Sequential()
            for unit in range(count):
                layer.append(Basic(inputs, filters, 2 if stage > 1 and unit == 0 else 1))
                inputs = filters
            setattr(self, f"layer{stage}", layer)
        self.linear = nn.Linear(512, classes)

    def forward(self, images):
        maps = self.bn1(self.conv1(images)).relu()
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps = layer(maps)
        return self.linear(maps.mean(dim=(2, 3)))


class Vgg(nn.Module):
    WIDTHS = ((64,), (128,), (256, 256), (512, 512), (512, 512))

    def __init__(self, channels, classes):
        super().__init__()
        inputs = channels
        for number, widths in enumerate(self.WIDTHS):
            units = []
            for filters in widths:
                units += [conv3(inputs, filters, bias=True), nn.BatchNorm2d(filters), nn.ReLU()]
                inputs = filters
            setattr(self, f"block{number}", nn.Sequential(*units))
        self.classifier = nn.Linear(512, classes)

    def forward(self, images):
        pooled = 4 if images.shape[2] == 64 else 3
        maps = images
        for number in range(5):
            maps = getattr(self, f"block{number}")(maps)
            if number < pooled:
                maps = nn.functional.max_pool2d(maps, 2)
        return self.classifier(maps.mean(dim=(2, 3)))


def main():
    arrays = {}
    for name, side in official.CASES:
        shapes = {key: list(value.shape) for key, value in build(name).state_dict().items()}
        arrays[f"{name}_shapes"] = json.dumps(shapes)
        arrays[f"{name}_{side}"] = logits(name, side, official.state(shapes))
    official.GOLDEN.parent.mkdir(exist_ok=True)
    np.savez_compressed(official.GOLDEN, **arrays)
    print(f"Wrote {official.GOLDEN}")


if __name__ == "__main__":
    main()
