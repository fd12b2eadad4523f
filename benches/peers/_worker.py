"""Takes training steps in PyTorch whenever `cargo xtask bench peers steps` asks.

It writes one JSON object a line: first what it runs on, then an answer to each line that it reads. `run K` takes K
steps and answers with the seconds of each; `quit`, or the end of its input, is answered with the peak memory.
"""

import argparse
import json
import os
import sys
import time
from importlib import import_module

import torch

from _results import facts

# The module and the function that builds each step, from batch, length and options.
STEPS = {
    "cnn-step": ("_simclr", "cnn"),
    "simclr-cnn": ("_simclr", "simclr_cnn"),
    "simclr-resnet18": ("_simclr", "simclr_resnet18"),
    "mlm-bert-mini": ("_mlm", "mlm_bert_mini"),
    "mae-vit": ("_mae", "mae_vit"),
    "views-cifar": ("_views", "views_cifar"),
    "views-jpeg": ("_views", "views_jpeg"),
}


class Options:
    """What a user may switch on with one line each: `eager`, or names joined by `+`."""

    KNOWN = {"eager", "channels-last", "compiled", "fused", "masked-only", "pil", "tensor"}

    def __init__(self, text):
        names = set(text.split("+"))
        if names - self.KNOWN:
            sys.exit(f"no such option: {', '.join(names - self.KNOWN)}")
        self.channels_last = "channels-last" in names
        self.compiled = "compiled" in names
        self.fused = "fused" in names
        self.masked_only = "masked-only" in names
        self.pil = "pil" in names

    def layout(self):
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def prepare(self, model):
        model.to(memory_format=self.layout())
        if self.compiled:
            model.compile()
        return model.train()

    def adamw(self, model, lr):
        return torch.optim.AdamW(
            model.parameters(), lr=lr, weight_decay=0.01, fused=self.fused or None
        )


def take_steps(loss, optimiser, count):
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        if optimiser is not None:
            optimiser.zero_grad()
        value = loss()
        if optimiser is not None:
            value.backward()
            optimiser.step()
        value.item()
        seconds.append(time.perf_counter() - start)
    return seconds


def memory(field):
    """Bytes of this process, of a field of Linux's status file."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("options")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    arguments = parser.parse_args()
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    module, function = STEPS[arguments.step]
    build = getattr(import_module(module), function)
    imported = memory("VmRSS")
    _model, loss, optimiser = build(
        arguments.batch, arguments.length, Options(arguments.options)
    )
    answer(facts(threads=arguments.threads))
    for line in sys.stdin:
        match line.split():
            case ["run", count]:
                answer({"seconds": take_steps(loss, optimiser, int(count))})
            case ["quit"]:
                break
            case _:
                sys.exit(f"expected `run K` or `quit`, got {line!r}")
    answer({"peak_bytes": memory("VmHWM"), "library_bytes": imported})


if __name__ == "__main__":
    main()
