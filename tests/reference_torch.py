"""MosaicKD's networks and round in PyTorch, float64, written for the parity test alone.

`python -m tests.reference_torch` runs the rounds of `tests.parity` and writes their results, so
that the comparison needs no PyTorch.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests import parity


def convolution(network, layer, inputs, outputs, size, *, stride=1, padding=0, bias=False):
    made = nn.Conv2d(inputs, outputs, size, stride, padding, bias=bias)
    kernel = parity.weight(network, layer, "kernel", (size, size, inputs, outputs))
    _fill(made.weight, kernel.transpose(3, 2, 0, 1))
    if bias:
        _fill(made.bias, parity.weight(network, layer, "bias", (outputs,)))
    return made


def linear(network, layer, inputs, outputs):
    made = nn.Linear(inputs, outputs)
    _fill(made.weight, parity.weight(network, layer, "kernel", (inputs, outputs)).T)
    _fill(made.bias, parity.weight(network, layer, "bias", (outputs,)))
    return made


def norm(network, layer, features):
    made = nn.BatchNorm2d(features)  # torch's defaults: momentum 0.1, epsilon 1e-5
    kinds = {
        "gamma": made.weight,
        "beta": made.bias,
        "moving_mean": made.running_mean,
        "moving_variance": made.running_var,
    }
    for kind, tensor in kinds.items():
        _fill(tensor, parity.weight(network, layer, kind, (features,)))
    return made


def _fill(tensor, values):
    tensor.data = torch.tensor(np.ascontiguousarray(values), dtype=torch.float64)


class Standardization(nn.Module):
    def forward(self, unit_images):
        mean, std = (torch.tensor(x)[:, None, None] for x in (parity.MEAN, parity.STD))
        return (unit_images - mean) / std


class Block(nn.Module):
    """A pre-activation block: the shortcut is the input, or projects the activated input."""

    def __init__(self, network, name, inputs, outputs, stride):
        super().__init__()
        self.norm1 = norm(network, f"{name}_1_norm", inputs)
        self.conv1 = convolution(
            network, f"{name}_conv1", inputs, outputs, 3, stride=stride, padding=1
        )
        self.norm2 = norm(network, f"{name}_2_norm", outputs)
        self.conv2 = convolution(network, f"{name}_conv2", outputs, outputs, 3, padding=1)
        self.project = None
        if inputs != outputs:
            self.project = convolution(
                network, f"{name}_project", inputs, outputs, 1, stride=stride
            )

    def forward(self, images):
        activated = torch.relu(self.norm1(images))
        shortcut = images if self.project is None else self.project(activated)
        return shortcut + self.conv2(torch.relu(self.norm2(self.conv1(activated))))


class WideResNet(nn.Module):
    def __init__(self, network, depth):
        super().__init__()
        self.start = nn.Sequential(
            Standardization(), convolution(network, "stem", 3, 16, 3, padding=1)
        )
        blocks, width = [], 16
        for stage, (filters, stride) in enumerate([(16, 1), (32, 2), (64, 2)], start=1):
            for block in range(1, (depth - 4) // 6 + 1):
                name = f"stage{stage}_block{block}"
                blocks.append(Block(network, name, width, filters, stride if block == 1 else 1))
                width = filters
        self.blocks = nn.Sequential(*blocks)
        self.norm = norm(network, "head_norm", width)
        self.logits = linear(network, "logits", width, parity.NUM_CLASSES)

    def forward(self, unit_images):
        maps = torch.relu(self.norm(self.blocks(self.start(unit_images))))
        return self.logits(maps.mean(dim=(2, 3)))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        filters = parity.GENERATOR_FILTERS
        self.side, self.deep = parity.IMAGE_SIZE // 4, 4 * filters
        self.project = linear("generator", "project", parity.NOISE_DIM, self.side**2 * self.deep)
        layers = [norm("generator", "seed_norm", self.deep)]
        for name, inputs, outputs in (("up1", 4, 2), ("up2", 2, 1)):
            layers += [
                nn.Upsample(scale_factor=2),
                convolution(
                    "generator", f"{name}_conv", inputs * filters, outputs * filters, 3, padding=1
                ),
                norm("generator", f"{name}_norm", outputs * filters),
                nn.LeakyReLU(0.2),
            ]
        layers += [
            convolution("generator", "paint", filters, 3, 3, padding=1, bias=True),
            nn.Sigmoid(),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise):
        # The linear layer fills the map pixel by pixel, all channels of a pixel together.
        seeds = self.project(noise).reshape(-1, self.side, self.side, self.deep)
        return self.layers(seeds.permute(0, 3, 1, 2))


def discriminator():
    filters = parity.DISCRIMINATOR_FILTERS
    return nn.Sequential(
        Standardization(),
        convolution("discriminator", "conv1", 3, filters, 4, stride=2, padding=1, bias=True),
        nn.LeakyReLU(0.2),
        convolution("discriminator", "conv2", filters, 2 * filters, 4, stride=2, padding=1),
        norm("discriminator", "norm2", 2 * filters),
        nn.LeakyReLU(0.2),
        convolution("discriminator", "patch_logits", 2 * filters, 1, 1),
    )


def cross_entropy(patch_logits, target):
    """Returns binary cross-entropy to one target, summed over patches, averaged over images."""
    targets = torch.full_like(patch_logits, target)
    summed = functional.binary_cross_entropy_with_logits(patch_logits, targets, reduction="sum")
    return summed / len(patch_logits)


def divergence(teacher_logits, student_logits, temperature):
    teacher = functional.softmax(teacher_logits / temperature, dim=1)
    student = functional.log_softmax(student_logits / temperature, dim=1)
    return functional.kl_div(student, teacher, reduction="batchmean") * temperature**2


def generator_terms(teacher_logits, student_logits, fake_patch_logits):
    predictions = functional.softmax(teacher_logits, dim=1)
    marginal = predictions.mean(dim=0)
    return {
        "local": cross_entropy(fake_patch_logits, 1.0),
        "align": functional.cross_entropy(teacher_logits, predictions),
        "adversarial": -divergence(teacher_logits, student_logits, 1.0),
        "balance": (marginal * marginal.log2()).sum(),
    }


def build_optimizers(student, generator, critic):
    gan_settings = {"lr": parity.GAN_RATE, "betas": (0.5, 0.999), "eps": 1e-8}
    return {
        "student": torch.optim.SGD(
            student.parameters(),
            lr=parity.STUDENT_RATE,
            momentum=parity.MOMENTUM,
            weight_decay=parity.DECAY,
        ),
        "generator": torch.optim.Adam(generator.parameters(), **gan_settings),
        "discriminator": torch.optim.Adam(critic.parameters(), **gan_settings),
    }


def run_rounds(resting=()):
    """Runs the rounds of the problem.

    Args:
        resting: names of networks whose learning rate is zero, to see what depends on them.

    Returns:
        Float64 arrays by name: each term's value at every update in turn, and `student_logits`,
        the student's in evaluation mode on the first patch images at the end.
    """
    torch.set_num_threads(1)  # the problem is too small to share
    teacher = WideResNet("teacher", parity.TEACHER_DEPTH).eval().requires_grad_(False)
    student = WideResNet("student", parity.STUDENT_DEPTH)
    generator, critic = Generator(), discriminator()
    optimizers = build_optimizers(student, generator, critic)
    peaks = {name: o.param_groups[0]["lr"] for name, o in optimizers.items()}
    history = {}

    def record(name, value):
        history.setdefault(name, []).append(value.item())

    def update(network, loss):
        optimizers[network].zero_grad()
        loss.backward()
        optimizers[network].step()

    for round_number in range(parity.ROUNDS):
        decay = 0.5 * (1.0 + math.cos(math.pi * round_number / parity.SCHEDULED_ROUNDS))
        for name, optimizer in optimizers.items():
            optimizer.param_groups[0]["lr"] = 0.0 if name in resting else decay * peaks[name]

        fake = generator(torch.tensor(parity.noise(round_number, parity.GENERATOR_NOISE)))
        real = _channels_first(parity.patch_images(round_number))
        loss = 0.5 * (cross_entropy(critic(real), 1.0) + cross_entropy(critic(fake.detach()), 0.0))
        update("discriminator", parity.LOSS_WEIGHTS["local"] * loss)
        record("patch_discrimination_loss", loss)

        terms = generator_terms(teacher(fake), student(fake), critic(fake))
        update("generator", sum(parity.LOSS_WEIGHTS[name] * terms[name] for name in terms))
        record("local_patch_loss", terms["local"])
        record("label_space_alignment_loss", terms["align"])
        record("adversarial_loss", terms["adversarial"])
        record("class_balance_loss", terms["balance"])

        for k in range(parity.STUDENT_STEPS):
            with torch.no_grad():
                purpose = parity.FIRST_STUDENT_NOISE + k
                synthetic = generator(torch.tensor(parity.noise(round_number, purpose)))
            ood = _channels_first(parity.transfer_images(round_number)[:, k])
            images = torch.cat([synthetic, ood])
            loss = divergence(teacher(images), student(images), parity.TEMPERATURE)
            update("student", loss)
            record("distillation_loss", loss)

    with torch.no_grad():
        logits = student.eval()(_channels_first(parity.patch_images(0)))
    return {name: np.array(values) for name, values in history.items()} | {
        "student_logits": logits.numpy()
    }


def _channels_first(images):
    return torch.tensor(images).permute(0, 3, 1, 2)


if __name__ == "__main__":
    parity.GOLDEN.parent.mkdir(exist_ok=True)
    np.savez(parity.GOLDEN, **run_rounds())
    print(f"Wrote {parity.GOLDEN}")
