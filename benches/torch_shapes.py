"""The shapes of FlowInOne restated in PyTorch, to be timed by `compare.py`; written for this purpose from
the description in the book, with random weights.

Each of `block`, `step`, `vision`, `vae`, `lora` and `train` makes a computation for an element type.
"""

import torch
import torch.nn.functional as F
from torch import nn

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


# --- Vision tower and aligner --------------------------------------------------------------------


class VisionBlock(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        q, k, v = heads_of(self.qkv(self.norm1(x)), 3 * self.heads).chunk(3, 1)
        x = x + self.proj(joined(F.scaled_dot_product_attention(q, k, v)))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Vision(nn.Module):
    """Pixels [b, 3, side, side] to tokens [b, n, output]."""

    def __init__(self, side, patch, width, layers, heads, hidden, output):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (side // patch) ** 2, width))
        self.blocks = nn.ModuleList(VisionBlock(width, heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.aligner = nn.Sequential(nn.Linear(width, output), nn.GELU(), nn.Linear(output, output))

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.aligner(self.norm(x))


def heads_of(x, heads):
    """[b, n, heads * d] to [b, heads, n, d]."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def joined(x):
    """[b, heads, n, d] to [b, n, heads * d]."""
    return x.transpose(1, 2).flatten(2)


# --- Autoencoder ---------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, input, output, groups):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(groups, input, 1e-6), nn.GroupNorm(groups, output, 1e-6)
        self.conv1 = nn.Conv2d(input, output, 3, padding=1)
        self.conv2 = nn.Conv2d(output, output, 3, padding=1)
        self.shortcut = nn.Conv2d(input, output, 1) if input != output else nn.Identity()

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class PixelAttention(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, 1e-6)
        self.q, self.k, self.v, self.proj = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        n = self.norm(x).flatten(2).transpose(1, 2)[:, None]  # [b, 1, n, c]
        y = F.scaled_dot_product_attention(self.q(n), self.k(n), self.v(n))
        return x + self.proj(y).transpose(2, 3).reshape(x.shape)


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, 2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Autoencoder(nn.Module):
    def __init__(self, channels, multipliers, blocks, groups, latent=4):
        super().__init__()
        widths = [channels * m for m in multipliers]
        deepest = widths[-1]

        def middle():
            return [Residual(deepest, deepest, groups), PixelAttention(deepest, groups), Residual(deepest, deepest, groups)]

        def last(width, output):
            return [nn.GroupNorm(groups, width, 1e-6), nn.SiLU(), nn.Conv2d(width, output, 3, padding=1)]

        encoder, width = [nn.Conv2d(3, channels, 3, padding=1)], channels
        for level, output in enumerate(widths):
            for _ in range(blocks):
                encoder.append(Residual(width, output, groups))
                width = output
            if level + 1 < len(widths):
                encoder.append(Down(width))
        encoder += middle() + last(deepest, 2 * latent) + [nn.Conv2d(2 * latent, 2 * latent, 1)]
        decoder = [nn.Conv2d(latent, latent, 1), nn.Conv2d(latent, deepest, 3, padding=1)] + middle()
        for level, output in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                decoder.append(Residual(width, output, groups))
                width = output
            if level > 0:
                decoder.append(Up(width))
        decoder += last(width, 3)
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)

    def mode(self, picture):
        return self.encoder(picture).chunk(2, 1)[0]


# --- Source encoder ------------------------------------------------------------------------------


class SampleNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.g, self.b = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        std, mean = torch.std_mean(x, -1, keepdim=True)
        return self.g * (x - mean) / (std + 1e-5) + self.b


class ContextLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.ffn1, self.ffn2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = SampleNorm(width), SampleNorm(width)

    def forward(self, x):
        q, k, v = (heads_of(layer(x), self.heads) for layer in (self.q, self.k, self.v))
        h = self.norm1(x + self.o(joined(F.scaled_dot_product_attention(q, k, v))))
        return self.norm2(h + self.ffn2(F.relu(self.ffn1(h))))


class Source(nn.Module):
    """Tokens [b, n, width] to mean and log-variance [b, c, side, side]."""

    def __init__(self, tokens, token_width, compressed, width, layers, reductions, heads, hidden, channels, side):
        super().__init__()
        self.adapter, self.compressor = nn.Linear(token_width, width), nn.Linear(tokens, compressed)
        stack = [ContextLayer(width, heads, hidden) for _ in range(layers)]
        for _ in range(reductions):
            stack += [ContextLayer(width, heads, hidden), nn.Linear(width, width // 2)]
            width //= 2
        self.stack = nn.Sequential(*stack)
        self.moments = nn.Linear(compressed * width, 2 * channels * side * side)
        self.shape = (2 * channels, side, side)

    def forward(self, tokens):
        x = self.compressor(self.adapter(tokens).transpose(1, 2)).transpose(1, 2)
        return self.moments(self.stack(x).flatten(1)).unflatten(1, self.shape).chunk(2, 1)


# --- Velocity network ----------------------------------------------------------------------------


class Curve(nn.Module):
    """A vector that depends on time."""

    def __init__(self, width, value):
        super().__init__()
        self.param0, self.param1 = (nn.Parameter(torch.full((width,), value)) for _ in range(2))
        self.weight, self.bias = (nn.Parameter(torch.zeros(width)) for _ in range(2))

    def forward(self, tau):
        s = torch.sigmoid(tau * (self.weight + 1) + self.bias)
        return self.param1 + s * (self.param0 - self.param1)


class TimeRms(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = Curve(width, 1.0)

    def forward(self, x, tau):
        rms = x.norm(dim=-1, keepdim=True) * x.shape[-1] ** -0.5
        return self.scale(tau) * x / (rms + 1e-8)


class TimeLayerNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width, self.weight, self.bias = width, Curve(width, 1.0), Curve(width, 0.0)

    def forward(self, x, tau):
        return F.layer_norm(x, (self.width,)) * self.weight(tau) + self.bias(tau)


class GatedMlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm = TimeRms(width)
        self.w0, self.w1, self.w2 = nn.Linear(width, hidden), nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x, tau):
        n = self.norm(x, tau)
        return self.w2(F.gelu(self.w0(n)) * self.w1(n))


class Block(nn.Module):
    """x += SA(x);  x += g CA(x, structure);  x += MLP(x)."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_q, self.norm_kv = TimeRms(width), TimeRms(width), TimeRms(width)
        self.qkv, self.dense = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.query, self.key_value = nn.Linear(width, width, bias=False), nn.Linear(width, 2 * width, bias=False)
        self.cross = nn.Linear(width, width)
        self.gate = nn.Sequential(nn.Linear(2 * width, width // 4), nn.GELU(), nn.Linear(width // 4, 1), nn.Sigmoid())
        self.mlp = GatedMlp(width, hidden)

    def forward(self, x, structure, tau):
        q, k, v = heads_of(self.qkv(self.norm(x, tau)), 3 * self.heads).chunk(3, 1)
        x = x + self.dense(joined(F.scaled_dot_product_attention(q, k, v)))
        q = heads_of(self.query(self.norm_q(x, tau)), self.heads)
        k, v = heads_of(self.key_value(self.norm_kv(structure, tau)), 2 * self.heads).chunk(2, 1)
        c = self.cross(joined(F.scaled_dot_product_attention(q, k, v)))
        x = x + c * self.gate(torch.cat([x, c], 2))
        return x + self.mlp(x, tau)


class ConvNext(nn.Module):
    def __init__(self, width, hidden, kernel, side):
        super().__init__()
        self.side = side
        self.conv = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.mlp = GatedMlp(width, hidden)

    def forward(self, x, tau):
        # Tokens are a channels-last map already.
        map = x.unflatten(1, (self.side, self.side)).permute(0, 3, 1, 2)
        x = x + self.conv(map).permute(0, 2, 3, 1).flatten(1, 2)
        return x + self.mlp(x, tau)


class Input(nn.Module):
    def __init__(self, channels, patch, side, width):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn(side * side, width))

    def forward(self, x):
        return self.conv(x).flatten(2).transpose(1, 2) + self.positions


class Output(nn.Module):
    def __init__(self, width, channels, side):
        super().__init__()
        self.side, self.norm, self.conv = side, TimeLayerNorm(width), nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x, tau):
        return self.conv(self.norm(x, tau).unflatten(1, (self.side, self.side)).permute(0, 3, 1, 2))


def run_blocks(blocks, skips, x, run):
    """U-ViT: n blocks, a middle one, n blocks that first take in a skip. All outputs."""
    half, outputs, kept = len(skips), [], []
    for index, block in enumerate(blocks):
        if index > half:
            x = skips[index - half - 1](torch.cat([x, kept.pop()], 2))
        x = run(block, x)
        outputs.append(x)
        if index < half:
            kept.append(x)
    return outputs


class Velocity(nn.Module):
    def __init__(self, channels, side, width, heads, hidden, blocks, fine_width, fine_hidden, fine_blocks, kernel=7):
        super().__init__()
        self.width, self.low = width, side // 2
        self.input, self.structure = (Input(channels, 2, side // 2, width) for _ in range(2))
        self.indicator = nn.Parameter(torch.tensor([1.0, -1.0]))
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(blocks))
        self.skips = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(blocks // 2))
        self.output = Output(width, channels, side // 2)
        self.fine_input = Input(channels, 1, side, fine_width)
        self.states_norm = TimeLayerNorm((blocks + 1) * width)
        self.upsample = nn.Linear((blocks + 1) * width, 4 * fine_width)
        self.upsampled_norm = TimeLayerNorm(fine_width)
        self.fine_blocks = nn.ModuleList(ConvNext(fine_width, fine_hidden, kernel, side) for _ in range(fine_blocks))
        self.fine_skips = nn.ModuleList(nn.Linear(2 * fine_width, fine_width) for _ in range(fine_blocks // 2))
        self.fine_output = Output(fine_width, channels, side)

    def forward(self, x, t, null, structure, coarse=False):
        """Velocities at x [b, c, side, side]; t [1] or [b]; null [b] of 0 and 1."""
        tau = (1 - 2 * t)[:, None, None].to(x.dtype)
        token = self.indicator[null][:, None, None].expand(-1, 1, self.width)
        low = torch.cat([token, self.input(x)], 1)
        structure = torch.cat([token, self.structure(structure)], 1)
        states = [low, *run_blocks(self.blocks, self.skips, low, lambda block, x: block(x, structure, tau))]
        states = [state[:, 1:] for state in states]
        all = self.upsample(self.states_norm(torch.cat(states, 2), tau))
        fine = all.unflatten(2, (2, 2, -1)).unflatten(1, (self.low, self.low))  # y, x, dy, dx, c
        fine = fine.permute(0, 1, 3, 2, 4, 5).flatten(1, 4)
        fine = self.fine_input(x) + self.upsampled_norm(fine, tau)
        last = run_blocks(self.fine_blocks, self.fine_skips, fine, lambda block, x: block(x, tau))[-1]
        velocity = self.fine_output(last, tau)
        return (self.output(states[-1], tau), velocity) if coarse else velocity


# --- What is timed -------------------------------------------------------------------------------


def without_gradients(computation):
    return torch.inference_mode()(computation)


def block(dtype):
    dtype = DTYPES[dtype]
    network = Block(1024, 16, 2048).to(dtype)
    x, structure = (torch.randn(2, 257, 1024, dtype=dtype) for _ in range(2))
    tau = torch.full((1, 1, 1), 0.4, dtype=dtype)
    return without_gradients(lambda: network(x, structure, tau))


def step(dtype):
    dtype = DTYPES[dtype]
    torch.set_default_dtype(dtype)  # made in that type: half the memory on the way
    network = Velocity(4, 32, 1024, 16, 2048, 65, 512, 1024, 33)
    torch.set_default_dtype(torch.float32)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)
    x, structure = (torch.randn(1, 4, 32, 32) for _ in range(2))
    null, t = torch.tensor([0, 1]), torch.tensor([0.3])

    def guided():
        both = [each.to(dtype).repeat(2, 1, 1, 1) for each in (x, structure)]
        given, none = network(both[0], t, null, both[1]).float().chunk(2)
        return x + 0.02 * (none + 7 * (given - none))

    return without_gradients(guided)


def vision(dtype):
    dtype = DTYPES[dtype]
    network = Vision(384, 16, 1024, 24, 16, 4096, 2048).to(dtype)
    pixels = torch.randn(1, 3, 384, 384, dtype=dtype)
    return without_gradients(lambda: network(pixels))


def vae(dtype):
    dtype = DTYPES[dtype]
    network = Autoencoder(128, [1, 2, 4, 4], 2, 32).to(dtype, memory_format=torch.channels_last)
    picture = torch.randn(1, 3, 256, 256, dtype=dtype).to(memory_format=torch.channels_last)
    return without_gradients(lambda: network.decoder(0.2301 * network.mode(picture) / 0.2301))


def lora(dtype):
    from peft import LoraConfig, get_peft_model

    torch.set_default_dtype(DTYPES[dtype])
    network = Velocity(4, 32, 1024, 16, 2048, 65, 512, 1024, 33)
    torch.set_default_dtype(torch.float32)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)
    targets = ["qkv", "dense", "query", "key_value", "cross"]
    # Beside bfloat16 peft keeps factors, moments and their products in float32.
    network = get_peft_model(network, LoraConfig(r=16, lora_alpha=16, target_modules=targets))
    factors = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(factors, lr=1e-5, betas=(0.9, 0.9), weight_decay=0.03, fused=True)
    start, target, structure = (torch.randn(1, 4, 32, 32) for _ in range(3))
    null, t = torch.tensor([0]), torch.tensor([0.4])

    def learn():
        flow = target - start
        state = (start + 0.4 * flow).to(DTYPES[dtype])
        found = network(state, t, null, structure.to(DTYPES[dtype]), coarse=True)
        coarse, fine = (each.float() for each in found)
        loss = 0.25 * (coarse - 2 * F.avg_pool2d(flow, 2)).square().mean() + (fine - flow).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(factors, 1.0)
        optimiser.step()
        assert torch.isfinite(loss)

    return learn


def train(dtype):
    batch = 32
    mixed = torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bf16")
    tower = Vision(128, 16, 192, 6, 6, 384, 192)
    source = Source(64, 192, 64, 128, 2, 3, 4, 256, 4, 16)
    velocity = Velocity(4, 16, 160, 5, 320, 5, 80, 160, 3)
    autoencoder = Autoencoder(16, [1, 2, 4], 1, 8).to(memory_format=torch.channels_last)
    networks = nn.ModuleList([tower, source, velocity])
    parameters = list(networks.named_parameters())
    decays = [p for _, p in parameters if p.dim() > 1]
    others = [p for _, p in parameters if p.dim() <= 1]
    groups = [{"params": decays}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-5, betas=(0.9, 0.9), weight_decay=0.03, fused=True)
    prompts = torch.randn(batch, 3, 128, 128)
    sources, targets = (torch.randn(batch, 3, 64, 64).to(memory_format=torch.channels_last) for _ in range(2))
    noise, t = torch.randn(batch, 4, 16, 16), torch.sigmoid(torch.linspace(-2, 2, batch))
    null = (torch.arange(batch) < 3).long()
    keep = 1 - 1e-5

    def losses():
        with torch.no_grad():
            structure, target = (autoencoder.mode(each).float().contiguous() for each in (sources, targets))
            target[:3] = target[:3].roll(-1, 0)
        mean, log_var = (each.float() for each in source(tower(prompts)))
        start = mean + torch.exp(0.5 * log_var) * noise
        at = t[:, None, None, None]
        state, flow = (1 - keep * at) * start + at * target, target - keep * start
        coarse, fine = (each.float() for each in velocity(state, t, null, structure, coarse=True))
        coarse_flow = 2 * F.avg_pool2d(flow, 2)
        each = 0.25 * (coarse - coarse_flow).square().mean((1, 2, 3)) + (fine - flow).square().mean((1, 2, 3))
        divergence = -0.5 * (1 + log_var - (0.3 * mean) ** 6 - log_var.exp()).sum((1, 2, 3))
        return (each + 0.01 * divergence).mean()

    def learn():
        with mixed:
            loss = losses()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimiser.step()
        assert torch.isfinite(loss)

    return learn


def train_vae(dtype):
    mixed = torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bf16")
    autoencoder = Autoencoder(16, [1, 2, 4], 1, 8).to(memory_format=torch.channels_last)
    parameters = list(autoencoder.parameters())
    groups = [{"params": [p for p in parameters if p.dim() > 1]}, {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-5, betas=(0.9, 0.9), weight_decay=0.03, fused=True)
    pictures = torch.rand(32, 3, 32, 32).mul(2).sub(1).to(memory_format=torch.channels_last)

    def losses():
        mean, log_var = autoencoder.encoder(pictures).float().chunk(2, 1)
        latent = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        difference = autoencoder.decoder(latent).float() - pictures
        edges = sum((difference.narrow(d, 1, 31) - difference.narrow(d, 0, 31)).abs().mean() for d in (2, 3))
        divergence = 0.5 * (mean.square() + log_var.exp() - log_var - 1).mean()
        return difference.abs().mean() + 0.25 * edges + 0.5 * difference.square().mean() + 1e-3 * divergence

    def learn():
        with mixed:
            loss = losses()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        assert torch.isfinite(loss)

    return learn


# --- Upscaling ------------------------------------------------------------------------------------


class Compact(nn.Module):
    """SRVGGNetCompact: [b, 3, h, w] to [b, 3, 4 h, 4 w]."""

    def __init__(self, features, convolutions, scale):
        super().__init__()
        layers = [nn.Conv2d(3, features, 3, 1, 1), nn.PReLU(features)]
        for _ in range(convolutions):
            layers += [nn.Conv2d(features, features, 3, 1, 1), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, nn.Conv2d(features, 3 * scale**2, 3, 1, 1))
        self.scale = scale

    def forward(self, x):
        return F.pixel_shuffle(self.body(x), self.scale) + F.interpolate(x, scale_factor=self.scale)


class Dense(nn.Module):
    def __init__(self, features, growth):
        super().__init__()
        widths = [features + k * growth for k in range(5)]
        self.convs = nn.ModuleList(nn.Conv2d(w, growth if k < 4 else features, 3, 1, 1) for k, w in enumerate(widths))

    def forward(self, x):
        parts = [x]
        for conv in self.convs[:4]:
            parts.append(F.leaky_relu(conv(torch.cat(parts, 1)), 0.2))
        return 0.2 * self.convs[4](torch.cat(parts, 1)) + x


class Esrgan(nn.Module):
    """RRDBNet: [b, 3, h, w] to [b, 3, 4 h, 4 w]."""

    def __init__(self, features, growth, blocks):
        super().__init__()
        block = lambda: nn.Sequential(*(Dense(features, growth) for _ in range(3)))
        conv = lambda output: nn.Conv2d(features, output, 3, 1, 1)
        self.first = nn.Conv2d(3, features, 3, 1, 1)
        self.blocks = nn.ModuleList(block() for _ in range(blocks))
        self.body, self.up1, self.up2, self.hr, self.last = *(conv(features) for _ in range(4)), conv(3)

    def forward(self, x):
        h = first = self.first(x)
        for block in self.blocks:
            h = h + 0.2 * block(h)
        h = first + self.body(h)
        for up in (self.up1, self.up2):
            h = F.leaky_relu(up(F.interpolate(h, scale_factor=2)), 0.2)
        return self.last(F.leaky_relu(self.hr(h), 0.2))


def upscaler(network, side, dtype):
    network = network.to(DTYPES[dtype]).to(memory_format=torch.channels_last).eval()
    x = torch.rand(1, 3, side, side, dtype=DTYPES[dtype]).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run():
        network(x)

    return run


def upscale_64(dtype):
    return upscaler(Compact(64, 16, 4), 64, dtype)


def upscale_256(dtype):
    return upscaler(Compact(64, 16, 4), 256, dtype)


def upscale_esrgan(dtype):
    return upscaler(Esrgan(64, 32, 6), 256, dtype)
