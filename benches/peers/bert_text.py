"""Masked language modelling of running text with the BERT of transformers: what our pre-training of texts is compared with.

`cargo xtask bench peers bert` runs it beside ours with the values of our recipes; `cargo xtask bench peers bert_text -- --size mini
--steps 2000`, or the script alone with `--json FILE`, with others. It needs `cargo xtask data brown addresses`.

The text files of the folders, sorted by the bytes of their relative paths and the folders in the order given, are one list of
documents. Those whose index in it is divisible by 20 are held out. The tokens of the others follow each other without
anything between; each 126 of them stand between `[CLS]` and `[SEP]` and see each other, whatever their documents
(RoBERTa's FULL-SENTENCES). A last sequence that is not full is left out. The same is done to the documents held out, whose masks
are drawn once.

It prints lines of JSON: first what it runs on and a guess by frequency; then for each evaluation `{step, loss, accuracy}` on the
masked tokens held out, and on the way the learning rate and the loss of the training since the last; at the end tokens a
second, of training from its first batch to its last, `[CLS]` and `[SEP]` counted, evaluations left out.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer, Tokenizer
from torch import nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    get_linear_schedule_with_warmup,
)

from _mlm import IGNORED, MaskedOnly
from _results import THREADS, facts, timed, write

# Layers, width; a head for each 64 and four times the width between (Turc et al. 2019).
SIZES = {"tiny": (2, 128), "mini": (4, 256)}
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def read_documents(folders):
    """The texts of all folders, without white space at the end."""
    documents = []
    for folder in folders:
        files = [path for path in folder.rglob("*.txt") if path.is_file()]
        files.sort(key=lambda path: path.relative_to(folder).as_posix().encode())
        documents += [path.read_text(encoding="utf-8").rstrip() for path in files]
    return documents


def read_tokeniser(path, training, vocabulary):
    """The tokeniser of a `tokenizer.json` or of the folder that holds one, or a WordPiece trained on the training documents."""
    if path is None:
        trained = BertWordPieceTokenizer(lowercase=True)
        trained.train_from_iterator(training, vocab_size=vocabulary, show_progress=False)
        tokeniser = trained._tokenizer
    else:
        path = path / "tokenizer.json" if path.is_dir() else path
        tokeniser = Tokenizer.from_file(str(path))
        tokeniser.no_truncation()
        tokeniser.no_padding()
    return PreTrainedTokenizerFast(tokenizer_object=tokeniser, **SPECIAL)


def pack(tokeniser, documents, length):
    """Sequences of `length`: the tokens of the documents in a row, each sequence framed."""
    encoded = tokeniser(documents, add_special_tokens=False)["input_ids"]
    tokens = [token for document in encoded for token in document]
    inside = length - 2
    frame = [1] + inside * [0] + [1]
    return [
        {
            "input_ids": [tokeniser.cls_token_id, *tokens[start : start + inside], tokeniser.sep_token_id],
            "special_tokens_mask": frame,
        }
        for start in range(0, len(tokens) - inside + 1, inside)
    ]


def batches(sequences, batch, generator):
    """Batches without end, in a new order each epoch; what fills no batch is left for another epoch."""
    while True:
        order = torch.randperm(len(sequences), generator=generator).tolist()
        for start in range(0, len(order) - batch + 1, batch):
            yield [sequences[place] for place in order[start : start + batch]]


def masked_places(labels):
    places = (labels.flatten() != IGNORED).nonzero().squeeze(1)
    return places, labels.flatten()[places]


def unigram_guess(training, words, vocabulary):
    """Loss and accuracy on `words` of guessing by the training tokens' frequencies, one added to each count."""
    tokens = torch.tensor([sequence["input_ids"][1:-1] for sequence in training]).flatten()
    counts = torch.bincount(tokens, minlength=vocabulary).double() + 1
    shares = (counts / counts.sum()).log()
    return -shares[words].mean().item(), (words == counts.argmax()).double().mean().item()


@torch.no_grad()
def evaluate(model, held_out):
    """Mean loss and accuracy over the masked tokens."""
    model.eval()
    loss, right, count = 0.0, 0, 0
    for tokens, places, words in held_out:
        states = model.bert(tokens).last_hidden_state
        logits = model.cls(states.flatten(0, 1)[places])
        loss += nn.functional.cross_entropy(logits, words, reduction="sum").item()
        right += (logits.argmax(1) == words).sum().item()
        count += len(words)
    model.train()
    return loss / count, right / count


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the table is written")
    parser.add_argument("--corpus", type=Path, nargs="+", default=[Path("data/addresses"), Path("data/brown")])
    parser.add_argument("--tokeniser", type=Path, help="a tokenizer.json or its folder; without it one is trained")
    parser.add_argument("--vocabulary", type=int, default=8192, help="of a tokeniser that is trained")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=1e-3, help="at the end of the warm-up")
    parser.add_argument("--warm-up", type=int, default=100, help="steps")
    parser.add_argument("--weight-decay", type=float, default=0.01, help="of tensors with more than one dimension")
    parser.add_argument("--clip", type=float, default=1.0, help="the most that the gradient's norm may be")
    parser.add_argument("--every", type=int, default=250, help="steps between evaluations")
    parser.add_argument("--hold-out", type=int, default=20, help="each document whose index this divides is held out")
    parser.add_argument("--logits", choices=["all", "masked"], default="all", help="`all` is transformers as it comes")
    parser.add_argument("--other", type=Path, help="a model, such as one of ours, to evaluate on the same masks at the end")
    parser.add_argument("--save", type=Path, help="a folder for the model and the tokeniser")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    torch.set_num_threads(THREADS)
    torch.manual_seed(arguments.seed)
    documents = read_documents(arguments.corpus)
    in_training = [text for index, text in enumerate(documents) if index % arguments.hold_out]
    tokeniser = read_tokeniser(arguments.tokeniser, in_training, arguments.vocabulary)
    training = pack(tokeniser, in_training, arguments.length)
    held_out = pack(tokeniser, documents[:: arguments.hold_out], arguments.length)
    collator = DataCollatorForLanguageModeling(tokeniser, mlm_probability=0.15)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        collated = [collator(held_out[start : start + 64]) for start in range(0, len(held_out), 64)]
    targets = [(batch["input_ids"], *masked_places(batch["labels"])) for batch in collated]
    words = torch.cat([words for _, _, words in targets])
    guess = unigram_guess(training, words, len(tokeniser))

    layers, width = SIZES[arguments.size]
    config = BertConfig(
        vocab_size=len(tokeniser),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        max_position_embeddings=max(arguments.length, 512),
        pad_token_id=tokeniser.pad_token_id,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        attn_implementation="sdpa",
    )
    model = BertForMaskedLM(config).train()
    masked_only = MaskedOnly(model)
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(
        [
            {"params": [one for one in parameters if one.ndim > 1], "weight_decay": arguments.weight_decay},
            {"params": [one for one in parameters if one.ndim < 2], "weight_decay": 0.0},
        ],
        lr=arguments.lr,
    )
    schedule = get_linear_schedule_with_warmup(optimiser, arguments.warm_up, arguments.steps)
    say(
        **facts(),
        documents=len(documents),
        sequences=len(training),
        held_out_sequences=len(held_out),
        held_out_masked=len(words),
        vocabulary=len(tokeniser),
        parameters=sum(one.numel() for one in parameters),
        unigram_loss=guess[0],
        unigram_accuracy=guess[1],
    )

    rows, speeds = [], []
    since, seconds, loss_sum = 0, 0.0, 0.0
    source = batches(training, arguments.batch, torch.Generator().manual_seed(arguments.seed))
    for step in range(arguments.steps + 1):
        if step == arguments.steps or step % arguments.every == 0:
            more = {}
            if since:
                speeds.append((since, seconds))
                more = {"training_loss": loss_sum / since, "lr": schedule.get_last_lr()[0]}
                more["tokens_a_second"] = round(since * arguments.batch * arguments.length / seconds)
            since, seconds, loss_sum = 0, 0.0, 0.0
            loss, accuracy = evaluate(model, targets)
            say(step=step, loss=loss, accuracy=accuracy, **more)
            rows.append((step, loss, accuracy))
        if step == arguments.steps:
            break
        start = time.perf_counter()
        batch = collator(next(source))
        if arguments.logits == "all":
            loss = model(input_ids=batch["input_ids"], labels=batch["labels"]).loss
        else:
            loss = masked_only(batch["input_ids"], *masked_places(batch["labels"]))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, arguments.clip)
        optimiser.step()
        schedule.step()
        loss_sum += loss.item()
        seconds += time.perf_counter() - start
        since += 1
        if not math.isfinite(loss_sum):
            raise SystemExit(f"the loss of step {step} is not finite")

    tokens = arguments.batch * arguments.length
    steps, total = map(sum, zip(*speeds))
    say(tokens_a_second=round(steps * tokens / total), training_seconds=round(total, 1))
    if arguments.other:
        loss, accuracy = evaluate(BertForMaskedLM.from_pretrained(arguments.other), targets)
        say(other_loss=loss, other_accuracy=accuracy)
    if arguments.save:
        model.save_pretrained(arguments.save)
        tokeniser.save_pretrained(arguments.save)
    if arguments.json:
        note = f"BERT-{arguments.size}, {arguments.steps} steps of {arguments.batch} x {arguments.length}, logits of {arguments.logits}"
        table = [timed("tokens", "1/s", [count * tokens / taken for count, taken in speeds], note)]
        table += [
            {"name": f"step {step}", "unit": "nats", "mean": loss, "accuracy": accuracy, "note": "masked tokens held out"}
            for step, loss, accuracy in rows
        ]
        table.append({"name": "unigram", "unit": "nats", "mean": guess[0], "accuracy": guess[1], "note": "a guess by frequency"})
        write(arguments.json, table)


def say(**line):
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
