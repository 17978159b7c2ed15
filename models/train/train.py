"""Train the built-in land cover model on made landscapes; see README.md for what was run."""

import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import chips
from model import Segmenter

CLASSES = 7
CHECKING_SEED, CHECKING = 900_000_000, 96  # far from any training seed


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", help="the built example 'landscapes'")
    parser.add_argument("checkpoint", help="the .pth to write")
    parser.add_argument("--start", help="a checkpoint to go on from")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first landscape")
    parser.add_argument("--chips", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--normalise", choices=("z-score", "min-max"), default="z-score")
    parser.add_argument("--dim", type=int, default=192)
    parser.add_argument("--depth", type=int, default=3)
    return parser.parse_args()


def batch(data, kind, chosen, turns):
    """Return inputs and truths of some chips, each turned and mirrored one of eight ways."""
    xs, ys = [], []
    for i, turn in zip(chosen, turns):
        offset, pixels, truth = (part[i] for part in data)
        x = chips.normalise(kind, pixels, offset, truth != chips.NO_TRUTH)
        x, y = np.rot90(x, turn % 4, (1, 2)), np.rot90(truth, turn % 4)
        xs.append(x[:, ::-1] if turn > 3 else x)
        ys.append(y[::-1] if turn > 3 else y)
    return torch.from_numpy(np.stack(xs)), torch.from_numpy(np.stack(ys).astype(np.int64))


def usable(data):
    """Return the numbers of chips that have any truth."""
    return np.flatnonzero((data[2] != chips.NO_TRUTH).any((1, 2)))


@torch.no_grad()
def accuracy(model, data, kind):
    """Return the share of pixels that the model names rightly."""
    right = total = 0
    for part in np.array_split(usable(data), 12):
        x, y = batch(data, kind, part, np.zeros(len(part), int))
        known = y != chips.NO_TRUTH
        right += ((model(x).argmax(1) == y) & known).sum().item()
        total += known.sum().item()
    return right / total


def of_matrices(model, rate):
    """Return an optimiser of the blocks' matrices, whose steps it makes orthogonal."""
    matrices = [p for name, p in model.named_parameters() if name.startswith("blocks") and p.ndim == 2]
    group = {"params": matrices, "full": rate}
    return torch.optim.Muon([group], adjust_lr_fn="match_rms_adamw", weight_decay=0.05)


def of_others(model, rate):
    """Return an optimiser of everything else."""
    others = [p for name, p in model.named_parameters() if not (name.startswith("blocks") and p.ndim == 2)]
    return torch.optim.AdamW([{"params": others, "full": rate}], weight_decay=0.05)


def step_rate(step, steps):
    """Return the share of the learning rate: it rises over a twentieth of the way, falls as a cosine."""
    rise = steps / 20
    return (step / rise if step < rise else 0.5 + 0.5 * np.cos(np.pi * (step - rise) / (steps - rise)))


def train(model, data, checking, args):
    """Train, printing the mean loss every hundred steps and the accuracy after each epoch."""
    optimisers = [part(model, args.rate) for part in (of_matrices, of_others)]
    order = np.random.default_rng(args.seed)
    good = usable(data)
    steps, step, losses, began = args.epochs * (len(good) // args.batch), 0, [], time.time()
    for epoch in range(args.epochs):
        mixed = order.permutation(good)
        for first in range(0, len(mixed) - args.batch + 1, args.batch):
            x, y = batch(data, args.normalise, mixed[first:first + args.batch], order.integers(0, 8, args.batch))
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["full"] * step_rate(step, steps)
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(x)
            loss = F.cross_entropy(scores.float(), y, ignore_index=chips.NO_TRUTH)
            model.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimiser in optimisers:
                optimiser.step()
            losses.append(loss.item())
            step += 1
            if step % 100 == 0:
                print(f"step {step}/{steps} loss {np.mean(losses[-100:]):.4f} {(time.time() - began) / 60:.1f} min", flush=True)
        torch.save({"model": model.state_dict(), "epoch": epoch}, args.checkpoint)
        print(f"epoch {epoch + 1} unseen accuracy {accuracy(model, checking, args.normalise):.4f}", flush=True)


def main():
    args = options()
    torch.manual_seed(args.seed)
    torch.set_num_threads(2)
    print(" ".join(sys.argv[1:]), "torch", torch.__version__, "numpy", np.__version__, flush=True)
    began = time.time()
    data = chips.load(args.generator, args.seed, args.chips)
    checking = chips.load(args.generator, CHECKING_SEED, CHECKING)
    print(f"{args.chips} landscapes in {(time.time() - began) / 60:.1f} min", flush=True)
    model = Segmenter(CLASSES, dim=args.dim, depth=args.depth)
    if args.start:
        model.load_state_dict(torch.load(args.start)["model"])
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, data, checking, args)


if __name__ == "__main__":
    main()
