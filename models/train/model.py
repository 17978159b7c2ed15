"""Build SpectralGPT's segmentation network at any width, with the published tensors' names."""

import torch
import torch.nn.functional as F
from torch import nn


def conv_norm(channels_in, channels, groups):
    """Build a 1x1 convolution, GroupNorm and GELU, numbered 0, 1, 2."""
    return nn.Sequential(nn.Conv2d(channels_in, channels, 1), nn.GroupNorm(groups, channels), nn.GELU())


def fuse(channels_in, channels):
    """Build a decoder step: 16 groups."""
    return conv_norm(channels_in, channels, 16)


def resize(x, side):
    """Resize (chip, channel, row, col) bilinearly, corner to corner."""
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=True)


class PatchEmbed(nn.Module):
    """Turn bands into tokens (chip, spectral group, row, col), flattened."""

    def __init__(self, dim, group_bands, patch):
        super().__init__()
        kernel = (group_bands, patch, patch)
        self.proj = nn.Conv3d(1, dim, kernel, kernel)

    def forward(self, x):
        return self.proj(x[:, None]).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Let every token look at all."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x):
        n, tokens, dim = x.shape
        split = lambda y: y.view(n, tokens, self.heads, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q(x)), split(self.k(x)), split(self.v(x)))
        return self.proj(y.transpose(1, 2).reshape(n, tokens, dim))


class Mlp(nn.Module):
    """Transform each token."""

    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Transform tokens, normalised before each step."""

    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)
        self.attn, self.mlp = Attention(dim, heads), Mlp(dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PyramidPooling(nn.Module):
    """Join the coarsest map with maxima over 1, 2, 3 and 6 parts a side."""

    def __init__(self, top, width):
        super().__init__()
        self.psp_modules = nn.ModuleList(
            nn.Sequential(nn.AdaptiveMaxPool2d(parts), nn.Conv2d(top, width, 1)) for parts in (1, 2, 3, 6)
        )
        self.final = fuse(4 * width + top, width)

    def forward(self, x):
        side = x.shape[-1]
        return self.final(torch.cat([resize(pool(x), side) for pool in self.psp_modules] + [x], 1))


class Decoder(nn.Module):
    """Join the levels of the pyramid, coarsest first."""

    def __init__(self, channels, top, width):
        super().__init__()
        fine, middle, coarse = channels
        self.PPMHead = PyramidPooling(top, width)
        self.Conv_fuse1, self.Conv_fuse1_ = fuse(coarse, width), fuse(width, width)
        self.Conv_fuse2, self.Conv_fuse2_ = fuse(middle, width), fuse(width, width)
        self.Conv_fuse3, self.Conv_fuse3_ = fuse(fine, width), fuse(width, width)
        self.fuse_all = fuse(4 * width, width)
        self.conv_x1 = nn.Conv2d(width, width, 1)

    def forward(self, fine, middle, coarse, top):
        x1 = self.PPMHead(top)
        x = self.conv_x1(resize(x1, coarse.shape[-1])) + self.Conv_fuse1(coarse)
        x2 = self.Conv_fuse1_(x)
        x = resize(x2, middle.shape[-1]) + self.Conv_fuse2(middle)
        x3 = self.Conv_fuse2_(x)
        x = resize(x3, fine.shape[-1]) + self.Conv_fuse3(fine)
        x4 = self.Conv_fuse3_(x)
        return self.join([x1, x2, x3, x4])

    def join(self, levels):
        """Fuse levels at the finest's size; a 1x1 convolution may as well come before resizing."""
        convolution, *rest = self.fuse_all
        side, width = levels[-1].shape[-1], levels[-1].shape[1]
        parts = convolution.weight.split(width, 1)
        sums = [resize(F.conv2d(level, part), side) for level, part in zip(levels, parts)]
        x = sum(sums) + convolution.bias[:, None, None]
        for layer in rest:
            x = layer(x)
        return x


class Segmenter(nn.Module):
    """Score the classes of every pixel: (chip, 12, side, side) to (chip, class, side, side)."""

    def __init__(self, classes, dim=192, depth=3, side=128, patch=8, groups=4, group_bands=3,
                 middles=(128, 128, 128), channels=(32, 64, 128), top=256, width=48):
        super().__init__()
        self.groups, self.places = groups, side // patch
        self.patch_embed = PatchEmbed(dim, group_bands, patch)
        self.pos_embed_spatial = nn.Parameter(torch.zeros(1, self.places**2, dim))
        self.pos_embed_temporal = nn.Parameter(torch.zeros(1, groups, dim))
        self.blocks = nn.ModuleList(Block(dim, dim // 64) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, 1e-6)  # in every checkpoint, never applied by this task
        self.fc = nn.Sequential(nn.Linear(groups, 1))
        for i, (middle, out) in enumerate(zip(middles, channels)):
            step = patch >> i
            level = conv_norm(dim, middle, 32).append(nn.ConvTranspose2d(middle, out, step, step))
            setattr(self, f"conv{i}", level)
        self.conv3 = conv_norm(dim, top, 32)
        self.decoder = Decoder(channels, top, width)
        self.cls_seg = nn.Sequential(nn.Conv2d(width, classes, 3, padding=1))
        self.apply(start)
        self.pos_embed_spatial.data = waves(self.places, dim)
        nn.init.normal_(self.pos_embed_temporal, std=0.5)

    def encode(self, x):
        """Return tokens (chip, spectral group x place, dim), not normalised."""
        places = self.pos_embed_temporal[:, :, None] + self.pos_embed_spatial[:, None]
        x = self.patch_embed(x) + places.flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        return x

    def forward(self, x):
        tokens = self.encode(x).unflatten(1, (self.groups, -1))
        s = torch.einsum("ngpd,g->ndp", tokens, self.fc[0].weight[0]) + self.fc[0].bias
        s = s.unflatten(2, (self.places, self.places))
        levels = [getattr(self, f"conv{i}")(s) for i in range(4)]
        return self.cls_seg(self.decoder(*levels))


def start(module):
    """Initialise a layer as transformers are; let tokens look at tokens like them first."""
    if isinstance(module, Attention):
        for layer in (module.q, module.k):
            nn.init.eye_(layer.weight)
            layer.weight.data.mul_(0.7).add_(0.02 * torch.randn_like(layer.weight))
    elif isinstance(module, nn.Linear) and module.out_features > 1:
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 1 / module.in_features)
        nn.init.zeros_(module.bias)


def waves(side, dim):
    """Return where places are as sines and cosines, (1, place, dim), rows in the first half."""
    rate = 10_000 ** (-torch.arange(dim // 4) / (dim // 4))
    wave = torch.arange(side)[:, None] * rate
    wave = torch.cat([wave.sin(), wave.cos()], 1)
    rows, columns = wave[:, None].expand(-1, side, -1), wave[None].expand(side, -1, -1)
    return torch.cat([rows, columns], 2).reshape(1, side * side, dim)
