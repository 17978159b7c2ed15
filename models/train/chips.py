"""Read landscapes from the generator's stream, and feed them as the product will."""

import subprocess

import numpy as np

BANDS, SIDE, NO_TRUTH = 12, 128, 255

# Reflectance times 10 000: means and standard deviations of clear training chips, rounded.
MEAN = np.array([1000, 1000, 1100, 1100, 1350, 1800, 2000, 2100, 2150, 1750, 1900, 1450], np.float32)
STD = np.array([700, 650, 650, 750, 750, 900, 1000, 1050, 1100, 1100, 1200, 1050], np.float32)


def stream(program, seed, count, width=SIDE, height=SIDE):
    """Yield (dn_offset, pixels [band, row, col] u16, truth [row, col] u8) of so many seeds."""
    command = [program, "--seed", str(seed), "--count", str(count), "--size", f"{width}x{height}"]
    shape, length = (BANDS, height, width), BANDS * height * width
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for _ in range(count):
            record = process.stdout.read(4 + 2 * length + height * width)
            offset = int(np.frombuffer(record, "<i4", 1)[0])
            pixels = np.frombuffer(record, "<u2", length, 4).reshape(shape)
            yield offset, pixels, np.frombuffer(record, np.uint8, -1, 4 + 2 * length).reshape(shape[1:])


def load(program, seed, count):
    """Return so many landscapes as arrays: offsets, pixels, truths."""
    offsets = np.empty(count, np.int32)
    pixels = np.empty((count, BANDS, SIDE, SIDE), np.uint16)
    truths = np.empty((count, SIDE, SIDE), np.uint8)
    for i, (offset, bands, truth) in enumerate(stream(program, seed, count)):
        offsets[i], pixels[i], truths[i] = offset, bands, truth
    return offsets, pixels, truths


def normalise(kind, pixels, offset, valid):
    """Return a chip's input: z-scores of reflectance, or minimum to maximum per band; 0 outside."""
    x = pixels.astype(np.float32)
    if kind == "z-score":
        x = (x + np.float32(offset) - MEAN[:, None, None]) / STD[:, None, None]
    else:
        inside = x[:, valid]
        low, high = inside.min(1)[:, None, None], inside.max(1)[:, None, None]
        x = (x - low) / np.maximum(high - low, 1)
    return x * valid
