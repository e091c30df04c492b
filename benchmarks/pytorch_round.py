"""A round of MosaicKD in PyTorch, as fast as we know to write it, to be timed beside ours.

The order, the sizes and the losses are those of `MosaicDistiller`: the discriminator, the
generator, then the student some times on fresh synthetic and OOD images. It plays a round
for each line that it reads and answers with the seconds, so that two programs can take turns:

    bin/benchmark --against_pytorch
"""

import argparse
import contextlib
import json
import sys
import time

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax, softmax

from mosaickd_tf.utils import process
from tests.reference_classifiers import build

PICTURES = 2048


class Generator(nn.Module):
    """Noise to unit images, of the sizes of `models.build_generator`."""

    def __init__(self, side, channels, noise_dim=100, filters=64):
        super().__init__()
        self.side, self.deep = side // 4, 4 * filters
        self.project = nn.Linear(noise_dim, self.side**2 * self.deep)
        layers = [nn.BatchNorm2d(self.deep)]
        for inputs, outputs in ((self.deep, 2 * filters), (2 * filters, filters)):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        layers += [nn.Conv2d(filters, channels, 3, padding=1), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise):
        """Images `(batch, channels, side, side)`."""
        return self.layers(self.project(noise).view(-1, self.deep, self.side, self.side))


def patch_discriminator(channels, filters=128):
    """Judges patches of 10 pixels, as `models.build_patch_discriminator` by default."""
    return nn.Sequential(
        nn.Conv2d(channels, filters, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(filters, 2 * filters, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * filters),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * filters, 1, 1, bias=False),
    )


class Game:
    """The four players, their optimizers and the OOD images.

    Args:
        asked: the parsed flags.
    """

    def __init__(self, asked):
        torch.manual_seed(0)
        torch.backends.cudnn.benchmark = True
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size, self.steps = asked.batch_size, asked.student_steps_per_round
        self.lean = asked.lean
        self.low = {"mixed_bfloat16": torch.bfloat16, "bfloat16": torch.bfloat16}.get(
            asked.precision
        )
        self.memory = torch.channels_last if asked.lean else torch.contiguous_format
        place = self._place
        self.teacher = place(build(asked.teacher, asked.channels, asked.num_classes)).eval()
        self.student = place(build(asked.student, asked.channels, asked.num_classes))
        self.generator = place(Generator(asked.image_size, asked.channels))
        self.discriminator = place(patch_discriminator(asked.channels))
        self.optimizers = {
            self.student: torch.optim.SGD(
                self.student.parameters(), 0.1, momentum=0.9, weight_decay=1e-4
            ),
            self.generator: torch.optim.Adam(self.generator.parameters(), 1e-3, (0.5, 0.999)),
            self.discriminator: torch.optim.Adam(
                self.discriminator.parameters(), 1e-3, (0.5, 0.999)
            ),
        }
        if asked.lean:
            self.teacher.requires_grad_(False)
        if asked.compile:
            for network in (self.teacher, self.student, self.generator, self.discriminator):
                network.compile()
        side = (asked.channels, asked.image_size, asked.image_size)
        self.pictures = torch.randint(0, 256, (PICTURES, *side), dtype=torch.uint8)

    def __call__(self):
        """Plays a round; returns the seconds that it took."""
        began = time.perf_counter()
        self._update_discriminator_and_generator()
        for _ in range(self.steps):
            loss = self._update_student()
        loss.item()  # waits for the device
        return time.perf_counter() - began

    def _update_discriminator_and_generator(self):
        with self._low_precision():
            images = self._standardise(self._synthetic())
            real = self.discriminator(self._standardise(self._pictures()))
            fake = self.discriminator(images.detach())
            loss = (_judged(real, 1.0) + _judged(fake, 0.0)) / 2
        self._step(self.discriminator, loss)
        with self._low_precision():
            teacher, student = self.teacher(images).float(), self.student(images).float()
            log_predictions = log_softmax(teacher, 1)
            predictions = log_predictions.exp()
            marginal = predictions.mean(0)
            loss = (
                _judged(self.discriminator(images), 1.0)
                - (predictions * log_predictions).sum(1).mean()
                - _divergence(teacher, student)
                + 10 * (marginal * marginal.log2()).sum()
            )
        self._step(self.generator, loss)

    def _update_student(self):
        with self._low_precision():
            with torch.no_grad():
                images = torch.cat([self._synthetic(), self._pictures()])
                images = self._standardise(images)
                teacher = self.teacher(images).float()
            loss = _divergence(teacher, self.student(images).float())
        self._step(self.student, loss)
        return loss

    def _step(self, player, loss):
        """One update; without `lean` all gradients that the loss has are computed, as shipped."""
        self.optimizers[player].zero_grad()
        loss.backward(inputs=list(player.parameters()) if self.lean else None)
        self.optimizers[player].step()

    def _synthetic(self):
        return self.generator(torch.randn(self.batch_size, 100, device=self.device))

    def _pictures(self):
        rows = torch.randint(0, PICTURES, (self.batch_size,))
        return self._place(self.pictures[rows]).float() / 255

    def _standardise(self, unit_images):
        return (unit_images - 0.5) / 0.25

    def _place(self, what):
        return what.to(self.device, memory_format=self.memory)

    def _low_precision(self):
        if self.low is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=self.low)


def _judged(patch_logits, target):
    targets = torch.full_like(patch_logits, target)
    summed = binary_cross_entropy_with_logits(patch_logits, targets, reduction="sum")
    return summed / len(patch_logits)


def _divergence(teacher, student):
    return kl_div(log_softmax(student, 1), softmax(teacher, 1), reduction="batchmean")


def main():
    """Plays a round for each line of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", default="wrn40_2")
    parser.add_argument("--student", default="wrn16_1")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--lean", action="store_true", help="channels last, no spare gradients")
    parser.add_argument("--compile", action="store_true", help="torch.compile, for a GPU")
    for name, value in (
        ("num_classes", 100),
        ("image_size", 32),
        ("channels", 3),
        ("batch_size", 64),
        ("student_steps_per_round", 5),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    game = Game(parser.parse_args())
    for _ in sys.stdin:
        seconds = game()
        on_gpu = game.device == "cuda"
        peak = torch.cuda.max_memory_allocated() if on_gpu else process.peak_bytes()
        print(json.dumps({"seconds": seconds, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
