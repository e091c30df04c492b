"""`bin/benchmark`: times training rounds on this machine."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import BenchmarkConfig

USAGE = """
Times training rounds on random images with random weights on this machine.

  bin/benchmark --teacher=wrn40_2 --student=wrn16_1 --batch_size=64 --json=round.json
  bin/benchmark --against_pytorch
  bin/benchmark --growth=runs/growth --batch_size=16
"""


def work(benchmark):
    """Times rounds and prints the numbers, or writes the page of their cost by size."""
    from mosaickd_tf.benchmarking import measure_growth, measure_round
    from mosaickd_tf.report import table
    from mosaickd_tf.utils import files

    if benchmark.growth:
        print(f"wrote {measure_growth(benchmark, benchmark.growth)}")
        return

    numbers = measure_round(benchmark)
    print(table.of_benchmark(numbers))
    if benchmark.json:
        files.write_json(benchmark.json, numbers)


def main():
    """Runs the command."""
    app.main(USAGE, {"benchmark": BenchmarkConfig}, work)


if __name__ == "__main__":
    main()
