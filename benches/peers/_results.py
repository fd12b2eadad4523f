"""Rows of results and the file that `cargo xtask bench peers` prints."""

import json
import os
import platform
import statistics
from importlib.metadata import PackageNotFoundError, version

from scipy.stats import t

# As many as the benches of our own side have in the figures that are published.
THREADS = 2


def timed(name, unit, samples, note):
    """A row for samples of one quantity."""
    return {
        "name": name,
        "unit": unit,
        "median": statistics.median(samples),
        "min": min(samples),
        "max": max(samples),
        "runs": len(samples),
        "note": note,
    }


def averaged(name, unit, samples, note):
    """A row for one sample a seed, with the 95 % interval of their mean."""
    runs = len(samples)
    interval = None
    if runs > 1:
        error = statistics.stdev(samples) / runs**0.5
        interval = f"+-{t.ppf(0.975, runs - 1) * error:.2f}"
    return {
        "name": name,
        "unit": unit,
        "mean": statistics.fmean(samples),
        "min": min(samples),
        "max": max(samples),
        "interval": interval,
        "runs": runs,
        "note": note,
    }


def facts(**more):
    """What the results were measured on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": THREADS,
        "load": os.getloadavg()[0],
        "packages": ", ".join(_packages()),
        **more,
    }


def write(path, rows, **more):
    """Writes the rows with what they were measured on; `more` are further facts."""
    document = {**facts(**more), "results": rows}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)


def _packages():
    """Those that there are; a Python that the user names may lack what its script does not need."""
    for name in ("torch", "torchvision", "lightly", "scikit-learn", "timm", "transformers"):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            pass


def _cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line for line in file if line.startswith("model name")]
        return names[0].split(":")[1].strip()
    except (OSError, IndexError):
        return platform.processor()
