"""What dropout adds to a training step of 784-512-512-10 at batch 128 on NumPy.

    python benchmarks/dropout.py

Both runs alternate; the figure is the median of the rounds' ratios.
"""

import statistics

import numpy as np

import bpnet

ROUNDS, STEPS, BATCH = 9, 150, 128


def seconds(dropout: float) -> float:
    """Seconds of a step, the best of three epochs."""
    random = np.random.default_rng(0)
    m = STEPS * BATCH
    pixels = random.integers(0, 256, (m, 784), dtype=np.uint8)
    data = bpnet.data.Dataset(pixels, random.integers(0, 10, m), scale=1 / 255)
    net = bpnet.Network([784, 512, 512, 10], hidden="relu", seed=0)
    history = bpnet.train(
        net, data, optimizer="sgd", epochs=3, batch_size=BATCH, dropout=dropout, backend="numpy"
    )
    return min(history["seconds"]) / STEPS


def main() -> None:
    pairs = [(seconds(0.0), seconds(0.25)) for _ in range(ROUNDS)]
    added = statistics.median(after / before - 1 for before, after in pairs)
    step = statistics.median(before for before, _ in pairs)
    print(f"a step without dropout: {step * 1e3:.2f} ms; dropout 0.25 adds {added:.0%}")


if __name__ == "__main__":
    main()
