"""Round of MosaicKD in PyTorch, the fastest known one, for a comparison of the times.

The order, the sizes and the losses are those of `MosaicDistiller`: the discriminator, the
generator, then several updates of the student on fresh synthetic and OOD images. For each line of
standard input it runs a round and prints its seconds, so that two programs can run in turn:

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

NUM_IMAGES = 2048


class Generator(nn.Module):
    """Generator of unit images from noise, of the sizes of `models.build_generator`."""

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
        """Returns images `(batch, channels, side, side)`."""
        return self.layers(self.project(noise).view(-1, self.deep, self.side, self.side))


def patch_discriminator(channels, filters=128):
    """Builds a classifier of patches of 10 pixels, as `models.build_patch_discriminator` does."""
    return nn.Sequential(
        nn.Conv2d(channels, filters, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(filters, 2 * filters, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * filters),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * filters, 1, 1, bias=False),
    )


class MosaicRound:
    """Round of the four networks, with their optimizers and the OOD images.

    Args:
        options: the parsed flags.
    """

    def __init__(self, options):
        torch.manual_seed(0)
        torch.backends.cudnn.benchmark = True
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size, self.steps = options.batch_size, options.student_steps_per_round
        self.lean = options.lean
        self.low_precision = {"mixed_bfloat16": torch.bfloat16, "bfloat16": torch.bfloat16}.get(
            options.precision
        )
        self.memory_format = torch.channels_last if options.lean else torch.contiguous_format
        to_device = self._to_device
        teacher = build(options.teacher, options.channels, options.num_classes)
        self.teacher = to_device(teacher).eval()
        self.student = to_device(build(options.student, options.channels, options.num_classes))
        self.generator = to_device(Generator(options.image_size, options.channels))
        self.discriminator = to_device(patch_discriminator(options.channels))
        self.optimizers = {
            self.student: torch.optim.SGD(
                self.student.parameters(), 0.1, momentum=0.9, weight_decay=1e-4
            ),
            self.generator: torch.optim.Adam(self.generator.parameters(), 1e-3, (0.5, 0.999)),
            self.discriminator: torch.optim.Adam(
                self.discriminator.parameters(), 1e-3, (0.5, 0.999)
            ),
        }
        if options.lean:
            self.teacher.requires_grad_(False)
        if options.compile:
            for network in (self.teacher, self.student, self.generator, self.discriminator):
                network.compile()
        side = (options.channels, options.image_size, options.image_size)
        self.ood_images = torch.randint(0, 256, (NUM_IMAGES, *side), dtype=torch.uint8)

    def __call__(self):
        """Runs a round; returns its seconds."""
        start = time.perf_counter()
        self._update_discriminator_and_generator()
        for _ in range(self.steps):
            loss = self._update_student()
        loss.item()  # waits for the device
        return time.perf_counter() - start

    def _update_discriminator_and_generator(self):
        with self._autocast():
            images = self._standardize(self._synthetic())
            real = self.discriminator(self._standardize(self._next_ood_images()))
            fake = self.discriminator(images.detach())
            loss = (_patch_loss(real, 1.0) + _patch_loss(fake, 0.0)) / 2
        self._step(self.discriminator, loss)
        with self._autocast():
            teacher, student = self.teacher(images).float(), self.student(images).float()
            log_predictions = log_softmax(teacher, 1)
            predictions = log_predictions.exp()
            marginal = predictions.mean(0)
            loss = (
                _patch_loss(self.discriminator(images), 1.0)
                - (predictions * log_predictions).sum(1).mean()
                - _divergence(teacher, student)
                + 10 * (marginal * marginal.log2()).sum()
            )
        self._step(self.generator, loss)

    def _update_student(self):
        with self._autocast():
            with torch.no_grad():
                images = torch.cat([self._synthetic(), self._next_ood_images()])
                images = self._standardize(images)
                teacher = self.teacher(images).float()
            loss = _divergence(teacher, self.student(images).float())
        self._step(self.student, loss)
        return loss

    def _step(self, network, loss):
        """Updates a network; computes all gradients of the loss, as shipped, unless `lean`."""
        self.optimizers[network].zero_grad()
        loss.backward(inputs=list(network.parameters()) if self.lean else None)
        self.optimizers[network].step()

    def _synthetic(self):
        return self.generator(torch.randn(self.batch_size, 100, device=self.device))

    def _next_ood_images(self):
        rows = torch.randint(0, NUM_IMAGES, (self.batch_size,))
        return self._to_device(self.ood_images[rows]).float() / 255

    def _standardize(self, unit_images):
        return (unit_images - 0.5) / 0.25

    def _to_device(self, module):
        return module.to(self.device, memory_format=self.memory_format)

    def _autocast(self):
        if self.low_precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=self.low_precision)


def _patch_loss(patch_logits, target):
    targets = torch.full_like(patch_logits, target)
    summed = binary_cross_entropy_with_logits(patch_logits, targets, reduction="sum")
    return summed / len(patch_logits)


def _divergence(teacher, student):
    return kl_div(log_softmax(student, 1), softmax(teacher, 1), reduction="batchmean")


def main():
    """Runs a round for each line of standard input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", default="wrn40_2")
    parser.add_argument("--student", default="wrn16_1")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--lean", action="store_true", help="channels last, no unused gradients")
    parser.add_argument("--compile", action="store_true", help="torch.compile, for a GPU")
    for name, value in (
        ("num_classes", 100),
        ("image_size", 32),
        ("channels", 3),
        ("batch_size", 64),
        ("student_steps_per_round", 5),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    run_round = MosaicRound(parser.parse_args())
    for _ in sys.stdin:
        seconds = run_round()
        on_gpu = run_round.device == "cuda"
        peak = torch.cuda.max_memory_allocated() if on_gpu else process.peak_bytes()
        print(json.dumps({"seconds": seconds, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
