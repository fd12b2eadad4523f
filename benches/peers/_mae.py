"""Steps of a masked autoencoder (He et al. 2022): its published code's structure, with the blocks of timm."""

import torch
from timm.layers import PatchEmbed
from timm.models.vision_transformer import Block
from torch import nn

PATCH = 4
WIDTH, DEPTH, HEADS = 192, 12, 3
DECODER_WIDTH, DECODER_DEPTH, DECODER_HEADS = 192, 4, 3
MASKED_SHARE = 0.75


class MaskedAutoencoder(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.patches = PatchEmbed(side, PATCH, 3, WIDTH)
        count = self.patches.num_patches
        self.kept = int(count * (1 - MASKED_SHARE))
        # The published ones are sines and cosines, fixed; what they hold changes no time.
        self.register_buffer("position", torch.randn(1, count + 1, WIDTH) * 0.02)
        self.register_buffer(
            "decoder_position", torch.randn(1, count + 1, DECODER_WIDTH) * 0.02
        )
        self.class_token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.blocks = nn.Sequential(
            *[Block(WIDTH, HEADS, qkv_bias=True) for _ in range(DEPTH)]
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.decoder_embed = nn.Linear(WIDTH, DECODER_WIDTH)
        self.mask_token = nn.Parameter(torch.randn(1, 1, DECODER_WIDTH) * 0.02)
        self.decoder_blocks = nn.Sequential(
            *[
                Block(DECODER_WIDTH, DECODER_HEADS, qkv_bias=True)
                for _ in range(DECODER_DEPTH)
            ]
        )
        self.decoder_norm = nn.LayerNorm(DECODER_WIDTH)
        self.decoder_pred = nn.Linear(DECODER_WIDTH, PATCH * PATCH * 3)

    def forward(self, images):
        batch = len(images)
        tokens = self.patches(images) + self.position[:, 1:]
        count = tokens.shape[1]
        order = torch.rand(batch, count, device=images.device).argsort(dim=1)
        restore = order.argsort(dim=1)
        tokens = _rows(tokens, order[:, : self.kept])
        first = (self.class_token + self.position[:, :1]).expand(batch, -1, -1)
        encoded = self.norm(self.blocks(torch.cat([first, tokens], dim=1)))

        decoded = self.decoder_embed(encoded)
        hidden = self.mask_token.expand(batch, count - self.kept, -1)
        patches = _rows(torch.cat([decoded[:, 1:], hidden], dim=1), restore)
        decoded = torch.cat([decoded[:, :1], patches], dim=1) + self.decoder_position
        decoded = self.decoder_norm(self.decoder_blocks(decoded))
        predicted = self.decoder_pred(decoded)[:, 1:]

        target = _patchify(images)
        mean = target.mean(dim=-1, keepdim=True)
        variance = target.var(dim=-1, keepdim=True)
        target = (target - mean) / (variance + 1e-6).sqrt()
        masked = (restore >= self.kept).float()
        loss = (predicted - target).square().mean(dim=-1)
        return (loss * masked).sum() / masked.sum()


def _rows(tokens, index):
    return tokens.gather(1, index.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def _patchify(images):
    batch, channels, height, width = images.shape
    rows, columns = height // PATCH, width // PATCH
    patches = images.reshape(batch, channels, rows, PATCH, columns, PATCH)
    patches = patches.permute(0, 2, 4, 3, 5, 1)
    return patches.reshape(batch, rows * columns, PATCH * PATCH * channels)


def mae_vit(batch, length, options):
    """`length` patches, a square number."""
    side = round(length**0.5) * PATCH
    model = options.prepare(MaskedAutoencoder(side))
    images = torch.rand(batch, 3, side, side) * 2 - 1
    return model, lambda: model(images), options.adamw(model, lr=1.5e-4)
