"""Packages mosaickd_tf."""

import pathlib
import re

from setuptools import find_packages, setup

PACKAGE = pathlib.Path(__file__).parent / "mosaickd_tf" / "__init__.py"
VERSION = re.search(r'^__version__ = "(.+)"$', PACKAGE.read_text(encoding="utf-8"), re.MULTILINE)

setup(
    name="mosaickd_tf",
    version=VERSION[1],
    description="Data-free distillation of Keras image classifiers with MosaicKD",
    author="the mosaickd_tf authors",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",  # the versions that the tests run on
    install_requires=[
        "tensorflow>=2.21,<2.22",  # training; bfloat16 and TFLite conversion depend on the version
        "keras>=3.15,<3.16",  # the models; the step relies on how its optimizers are built
        "tensorflow-datasets>=4.9.10,<5",  # --ood_dataset=tfds:NAME
        "importlib_resources>=6,<8",  # tensorflow-datasets 4.9.10 imports it without declaring it
        "numpy>=2,<3",  # images and numbers outside the compiled step
        "absl-py>=1.4,<3",  # flags; 1.4 so that tensorflow-model-optimization (below 2) fits
        "ai-edge-litert>=2.1,<3",  # runs .tflite files; tf.lite.Interpreter is to be removed
        "tensorflow-model-optimization>=0.8.1,<0.9",  # compresses a student while it trains
        "tf-keras>=2.21,<2.22",  # the models that it works on; goes with TensorFlow's version
        "scikit-learn>=1.5,<2",  # carries the data of the quick start
        "pillow>=10.1",  # reads folders of images, draws sample grids; 10.1 reports transparency
        "tqdm>=4.60,<5",  # progress bars
        "tensorboard>=2.21,<2.22",  # curves of a run
    ],
    extras_require={
        "dev": [
            "ruff>=0.17,<0.18",  # lints and formats; another version formats differently
            "pytest>=9,<10",  # runs the tests
            "pytest-xdist>=3.8,<4",  # runs them on several processors
        ],
        "docs": [
            # The theme of the site. It gets critical fixes until May 2027; its successor Zensical
            # reads mkdocs.yml, but cannot run the hook docs/repository_files.py yet.
            "mkdocs-material>=9.8,<10",
            "mkdocs>=1.6,<2",  # builds it; `--strict` fails on dead links and anchors
            "mkdocstrings>=1,<2",  # the API page, from docstrings
            "mkdocstrings-python>=2,<3",  # reads them by static analysis, without an import
            "pymdown-extensions>=11,<14",  # highlighted code blocks
        ],
        "heic": ["pillow-heif>=0.18,<2"],  # reads the photographs of phones in folders of images
        "torch": ["torch>=2.2"],  # reads official weights; parity tests
    },
    entry_points={
        "console_scripts": [
            "mosaickd-distill = mosaickd_tf.cli.distill:main",
            "mosaickd-inspect = mosaickd_tf.cli.inspect:main",
            "mosaickd-train-teacher = mosaickd_tf.cli.train_teacher:main",
            "mosaickd-evaluate = mosaickd_tf.cli.evaluate:main",
            "mosaickd-export = mosaickd_tf.cli.export:main",
            "mosaickd-results = mosaickd_tf.cli.results:main",
            "mosaickd-report = mosaickd_tf.cli.report:main",
            "mosaickd-benchmark = mosaickd_tf.cli.benchmark:main",
            "mosaickd-synthesize = mosaickd_tf.cli.synthesize:main",
            "mosaickd-demo = mosaickd_tf.cli.demo:main",
        ],
    },
    # The flagfiles lie in configs/ and are installed as mosaickd_tf/configs/.
    packages=[*find_packages(include=["mosaickd_tf", "mosaickd_tf.*"]), "mosaickd_tf.configs"],
    package_dir={"mosaickd_tf.configs": "configs"},
    package_data={
        "mosaickd_tf.configs": ["**/*.cfg"],
        "mosaickd_tf.report": ["*.css"],
        "mosaickd_tf.demo": ["*.json", "page/*"],
    },
)
