"""Steps on text: masked words with the BERT of transformers."""

import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

VOCABULARY = 8192
MASK = 4
MASKED_SHARE = 0.15

# The label of a token that is not to be guessed, in PyTorch's loss.
IGNORED = -100


class MaskedOnly(nn.Module):
    """The same network, but it computes logits only where a word is to be guessed; its places come with the batch."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, tokens, places, words):
        states = self.model.bert(tokens).last_hidden_state
        logits = self.model.cls(states.flatten(0, 1)[places])
        return nn.functional.cross_entropy(logits, words)


def mlm_bert_mini(batch, length, options):
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=max(length, 512),
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        attn_implementation="sdpa",
    )
    model = BertForMaskedLM(config)
    # No padding: it would only give PyTorch a mask to add.
    words = torch.randint(5, VOCABULARY, (batch, length))
    places = torch.randperm(words.numel())[: round(MASKED_SHARE * words.numel())]
    places = places.sort().values
    chosen = torch.zeros(words.numel(), dtype=torch.bool)
    chosen[places] = True
    chosen = chosen.view_as(words)
    tokens = words.masked_fill(chosen, MASK)
    if options.masked_only:
        model = options.prepare(MaskedOnly(model))
        guessed = words.flatten()[places]
        loss = lambda: model(tokens, places, guessed)
    else:
        model = options.prepare(model)
        labels = words.masked_fill(~chosen, IGNORED)
        loss = lambda: model(input_ids=tokens, labels=labels).loss
    return model, loss, options.adamw(model, lr=1e-4)
