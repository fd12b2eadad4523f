"""The peer of `recipes/simclr-mnist.toml`: the same pre-training and measurements with PyTorch, lightly and scikit-learn.

`cargo xtask bench peers simclr_mnist`; `-- --steps 50` shortens it for a trial. What the two sides do not share are
random numbers: this one draws its own labels, views and weights, with the same sizes and distributions.
"""

import argparse
import math
import sys
import time
import tomllib
from pathlib import Path

import numpy
import torch
from lightly.loss import NTXentLoss
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from _networks import projection_head, reference_cnn, resnet18
from _results import THREADS, averaged, write

WORKERS = 2

# Of `LinearProbeConfig::default()` and `Knn::default()` of tinderbox-transfer.
PENALTIES = [100.0, 10.0, 1.0, 0.1, 0.01]
FOLDS = 5
FALLBACK_PENALTY = 1.0
NEIGHBOURS = 20
KNN_TEMPERATURE = 0.07


class Keys:
    """Takes the keys of a recipe one by one; what is left at the end is unknown to this script."""

    REQUIRED = object()

    def __init__(self, path):
        self.path = path
        self.left = tomllib.loads(path.read_text(encoding="utf-8"))

    def take(self, name, default=REQUIRED):
        *parents, key = name.split(".")
        tables = [self.left]
        for parent in parents:
            tables.append(tables[-1].get(parent, {}))
        value = tables[-1].pop(key, default)
        # A table whose last key was taken is done with. One that nobody asked for stays, empty or not.
        for table, parent in reversed(list(zip(tables, parents))):
            if table.get(parent) == {}:
                del table[parent]
        if value is self.REQUIRED:
            sys.exit(f"{self.path}: `{name}` is not there")
        return value

    def expect(self, name, expected, default=REQUIRED):
        value = self.take(name, default)
        if value != expected:
            sys.exit(f"{self.path}: `{name}` is {value}, this script knows {expected}")

    def finish(self):
        unknown = list(_leaves(self.left))
        if unknown:
            sys.exit(f"{self.path}: this script does not know {', '.join(unknown)}")


def _leaves(table, prefix=""):
    for key, value in table.items():
        if value and isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def read_encoder(keys):
    """A function from channels and the size of an image to the encoder, and the number of its features."""
    kind = keys.take("encoder.kind")
    if kind == "reference-cnn":
        filters = keys.take("encoder.filters", 32)
        stages = keys.take("encoder.stages", 1)
        hidden = keys.take("encoder.hidden", 128)
        dropout = keys.take("encoder.dropout", 0.2)
        return lambda channels, size: reference_cnn(channels, size, filters, stages, hidden, dropout), hidden
    if kind == "resnet18":
        stem = keys.take("encoder.stem", "imagenet")
        width = keys.take("encoder.width", 64)
        return lambda channels, _size: resnet18(channels, width, stem), width * 8
    sys.exit(f"{keys.path}: `encoder.kind` is {kind}, this script knows reference-cnn and resnet18")


class Recipe:
    """What the recipe says; defaults are those of tinderbox-cli's `recipe` module."""

    def __init__(self, path):
        keys = Keys(path)
        keys.expect("version", 1)
        self.seed = keys.take("seed", 0)
        keys.expect("data.source", "idx")
        self.train = [Path(keys.take(f"data.{name}")) for name in ("path", "labels")]
        self.test = [Path(keys.take(f"data.test_{name}")) for name in ("path", "labels")]
        self.affine = [
            keys.take(f"data.views.affine.{name}")
            for name in ("degrees", "translate", "scale", "shear")
        ]
        self.jitter = keys.take("data.views.jitter", None)
        if self.jitter is not None and set(self.jitter) != {"brightness", "contrast", "p"}:
            sys.exit(f"{path}: `data.views.jitter` wants brightness, contrast and p here")
        self.encoder, features = read_encoder(keys)
        keys.expect("objective.kind", "simclr")
        self.temperature = keys.take("objective.temperature")
        hidden = keys.take("objective.projection_hidden", features)
        output = keys.take("objective.projection_dim", 128)
        batch_norm = keys.take("objective.batch_norm", True)
        self.head = (features, hidden, output, batch_norm)
        self.steps = keys.take("train.steps")
        self.batch = keys.take("train.batch")
        keys.expect("optim.kind", "adamw")
        self.rate = keys.take("optim.lr")
        self.weight_decay = keys.take("optim.weight_decay", 1e-4)
        self.betas = keys.take("optim.betas", [0.9, 0.999])
        keys.expect("schedule.kind", "cosine", "cosine")
        self.warmup = keys.take("schedule.warmup", 0)
        self.final_share = keys.take("schedule.final_share", 0.0)
        self.shares = keys.take("compare.shares")
        self.seeds = keys.take("compare.seeds", 5)
        self.pretrain_each = keys.take("compare.pretrain_each", False)
        # These concern our rivals of the comparison, or change no result.
        for table, names in [
            ("compare.", ("scratch_lr", "scratch_steps")),
            ("data.", ("max_bad", "test_share")),
            ("", ("eval", "checkpoint", "device", "threads", "out")),
        ]:
            for name in names:
                keys.take(table + name, None)
        keys.finish()

    def factor(self, step):
        """On the base rate, for `step` from 0: `Schedule::Cosine` of tinderbox-train."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        span = max(self.steps - self.warmup, 1)
        progress = min((step - self.warmup) / span, 1.0)
        cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
        return self.final_share + (1.0 - self.final_share) * cosine


def read_idx(path):
    """The bytes of an IDX file as a tensor of the shape that its header gives."""
    if not path.exists():
        sys.exit(f"{path} is not there; `cargo xtask data mnist` fetches it")
    data = path.read_bytes()
    rank = data[3]
    shape = numpy.frombuffer(data, ">u4", rank, 4).tolist()
    values = numpy.frombuffer(data, "u1", offset=4 + 4 * rank)
    return torch.from_numpy(values.reshape(shape).copy())


def read_set(paths):
    images, labels = (read_idx(path) for path in paths)
    return images.unsqueeze(1), labels.long()


class Affine:
    """torchvision's RandomAffine, but for shifts, which it rounds to whole pixels and ours does not."""

    def __init__(self, degrees, translate, scale, shear):
        self.degrees, self.translate = degrees, translate
        self.scale, self.shear = scale, shear

    def __call__(self, image):
        height, width = image.shape[-2:]
        angle, right, down, shear = (2 * torch.rand(4) - 1).tolist()
        low, high = self.scale
        return v2.functional.affine(
            image,
            angle=angle * self.degrees,
            translate=[right * self.translate * width, down * self.translate * height],
            scale=low + (high - low) * torch.rand(()).item(),
            shear=[shear * self.shear, 0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )


class TwoViews(Dataset):
    """Two random views of each image, with values in 0..1."""

    def __init__(self, images, recipe):
        self.images = images
        views = [Affine(*recipe.affine)]
        if recipe.jitter is not None:
            jitter = dict(recipe.jitter)
            p = jitter.pop("p")
            views.append(v2.RandomApply([v2.ColorJitter(**jitter)], p=p))
        self.view = v2.Compose(views)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index].float() / 255
        return self.view(image), self.view(image)


def batches(images, recipe, seed):
    """Batches without end, made by as many processes as our loader has threads."""
    loader = DataLoader(
        TwoViews(images, recipe),
        batch_size=recipe.batch,
        shuffle=True,
        drop_last=True,
        num_workers=WORKERS,
        prefetch_factor=4,
        persistent_workers=True,
        generator=torch.Generator().manual_seed(seed),
    )
    while True:
        yield from loader


def pretrain(images, normalise, recipe, seed):
    """The encoder, the seconds that it took, and those of them in which a step waited for its batch."""
    torch.manual_seed(seed)
    encoder = recipe.encoder(1, images.shape[-1])
    model = nn.Sequential(encoder, projection_head(*recipe.head))
    criterion = NTXentLoss(temperature=recipe.temperature)
    # Weight decay spares tensors of rank 1, as ours does.
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=recipe.rate,
        betas=tuple(recipe.betas),
        eps=1e-8,
    )
    model.train()
    waited = 0.0
    start = time.perf_counter()
    source = batches(images, recipe, seed)
    for step in range(recipe.steps):
        asked = time.perf_counter()
        views = next(source)
        waited += time.perf_counter() - asked
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * recipe.factor(step)
        # Both views pass as one batch, as ours do.
        left, right = model(normalise(torch.cat(views))).chunk(2)
        loss = criterion(left, right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 0 or step + 1 == recipe.steps:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return encoder.eval(), time.perf_counter() - start, waited


@torch.no_grad()
def features(encoder, images, normalise):
    blocks = images.split(1000)
    return torch.cat([encoder(normalise(block.float() / 255)) for block in blocks])


def knn_accuracy(train, labels, queries, query_labels):
    """In per cent, of the weighted vote of Wu et al. (2018)."""
    train, queries = (nn.functional.normalize(rows) for rows in (train, queries))
    right = 0
    for block, expected in zip(queries.split(500), query_labels.split(500)):
        nearest = (block @ train.T).topk(min(NEIGHBOURS, len(train)))
        votes = (nearest.values / KNN_TEMPERATURE).exp()
        scores = torch.zeros(len(block), int(labels.max()) + 1)
        scores.scatter_add_(1, labels[nearest.indices], votes)
        right += (scores.argmax(1) == expected).sum().item()
    return 100 * right / len(queries)


# The products are small: on a busy machine two threads wait for each other longer than one computes.
@threadpool_limits.wrap(limits=1)
def probe_accuracy(train, labels, queries, query_labels):
    """In per cent, of logistic regression on features scaled by one factor, with a cross-validated penalty."""
    train, queries = (rows.double().numpy() for rows in (train, queries))
    labels, query_labels = labels.numpy(), query_labels.numpy()
    mean = train.mean(0)
    factor = math.sqrt(train.var(0).mean())
    train, queries = (train - mean) / factor, (queries - mean) / factor

    def regression(tolerance):
        return LogisticRegression(max_iter=1000, tol=tolerance, warm_start=True)

    penalty = FALLBACK_PENALTY
    counts = numpy.bincount(labels)
    folds = min(FOLDS, counts[counts > 0].min())
    if folds > 1:
        losses = numpy.zeros(len(PENALTIES))
        for fitted, held_out in StratifiedKFold(folds).split(train, labels):
            # scikit-learn's own tolerance tells penalties a factor of 10 apart; the last fit has ours.
            model = regression(1e-4)
            for place, candidate in enumerate(PENALTIES):
                model.set_params(C=1 / candidate).fit(train[fitted], labels[fitted])
                losses[place] += log_loss(
                    labels[held_out],
                    model.predict_proba(train[held_out]),
                    normalize=False,
                    labels=model.classes_,
                )
        penalty = PENALTIES[losses.argmin()]
    model = regression(1e-6).set_params(C=1 / penalty).fit(train, labels)
    return 100 * (model.predict(queries) == query_labels).mean(), penalty


def draw(labels, share, seed):
    """Positions of a stratified share."""
    everything = numpy.arange(len(labels))
    if share == 1.0:
        return torch.from_numpy(everything)
    count = round(share * len(labels))
    drawn, _ = train_test_split(
        everything, train_size=count, stratify=labels, random_state=seed
    )
    return torch.from_numpy(drawn)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", required=True)
    parser.add_argument("--recipe", type=Path, default="recipes/simclr-mnist.toml")
    parser.add_argument("--steps", type=int, help="instead of the recipe's, for a trial")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    recipe = Recipe(arguments.recipe)
    recipe.steps = arguments.steps or recipe.steps

    train, train_labels = read_set(recipe.train)
    test, test_labels = read_set(recipe.test)
    scaled = train.double() / 255
    mean, deviation = scaled.mean().item(), scaled.std(correction=0).item()

    def normalise(batch):
        return (batch - mean) / deviation

    trainings, waits, penalties = [], [], {}
    draws = {}
    for number in range(recipe.seeds):
        seed = recipe.seed + number
        if number == 0 or recipe.pretrain_each:
            encoder, seconds, waited = pretrain(train, normalise, recipe, seed)
            trainings.append(seconds)
            waits.append(waited)
            known, unseen = (features(encoder, part, normalise) for part in (train, test))
        for share in recipe.shares:
            if share == 1.0 and number > 0 and not recipe.pretrain_each:
                continue  # the same labels and the same encoder again
            rows = draw(train_labels, share, seed)
            given = (known[rows], train_labels[rows], unseen, test_labels)
            knn = knn_accuracy(*given)
            probe, penalty = probe_accuracy(*given)
            print(f"draw {number}, share {share}: knn {knn:.2f} %, linear probe {probe:.2f} %", flush=True)
            draws.setdefault(f"knn/{share:g}", []).append(knn)
            draws.setdefault(f"linear-probe/{share:g}", []).append(probe)
            penalties.setdefault(f"linear-probe/{share:g}", []).append(penalty)

    note = f"{recipe.steps} steps of {recipe.batch} images, {sum(waits) / sum(trainings):.0%} of it waiting for views"
    rows = [averaged("pretrain", "s", trainings, note)]
    for name, percent in draws.items():
        count = len(draw(train_labels, float(name.split("/")[1]), 0))
        note = f"{count} labels, {len(test)} images"
        if name in penalties:
            note += f", penalty {', '.join(f'{p:g}' for p in sorted(set(penalties[name])))}"
        rows.append(averaged(name, "%", percent, note))
    write(arguments.json, rows, steps=recipe.steps, recipe=str(arguments.recipe), draws=draws)


if __name__ == "__main__":
    main()
