"""Networks that see: images, volumes, points."""

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F


def pad_pair(size):
    return tuple((one - 1) // 2 for one in size) if isinstance(size, tuple) else (size - 1) // 2


def conv(ins, outs, size=3, stride=1, groups=1, act=nn.ReLU):
    layers = [
        nn.Conv2d(ins, outs, size, stride, pad_pair(size), groups=groups, bias=False),
        nn.BatchNorm2d(outs),
    ]
    return nn.Sequential(*layers, *([act(inplace=True)] if act else []))


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 5, stride=2, padding=2),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(3),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(6, 8, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.AdaptiveAvgPool2d((3, 2))
        self.classify = nn.Sequential(
            nn.Dropout(), nn.Linear(48, 12), nn.ReLU(inplace=True), nn.Linear(12, 4)
        )

    def forward(self, x):
        return self.classify(torch.flatten(self.pool(self.features(x)), 1))


class Vgg(nn.Module):
    def __init__(self):
        super().__init__()
        layers, ins = [], 3
        for outs in (4, "pool", 6, 6, "pool"):
            if outs == "pool":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers.append(conv(ins, outs))
                ins = outs
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(6 * 4 * 4, 5)

    def forward(self, x):
        x = self.features(x)
        return F.log_softmax(self.head(x.view(x.size(0), -1)), dim=1)


class Bottleneck(nn.Module):
    def __init__(self, ins, width, stride=1):
        super().__init__()
        self.layers = nn.Sequential(
            conv(ins, width, 1), conv(width, width, 3, stride), conv(width, width * 4, 1, act=None)
        )
        self.down = (
            nn.Identity()
            if stride == 1 and ins == width * 4
            else conv(ins, width * 4, 1, stride, act=None)
        )

    def forward(self, x):
        return F.relu(self.layers(x) + self.down(x), inplace=True)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 4, 7, 2), nn.MaxPool2d(3, 2, 1))
        self.layer1 = nn.Sequential(Bottleneck(4, 2), Bottleneck(8, 2))
        self.layer2 = nn.Sequential(Bottleneck(8, 4, 2), Bottleneck(16, 4))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(self.stem(x)))), 1))


class Inverted(nn.Module):
    def __init__(self, ins, outs, stride, expand, act=nn.ReLU6, squeeze=False):
        super().__init__()
        width = ins * expand
        self.skip = stride == 1 and ins == outs
        self.expand = conv(ins, width, 1, act=act)
        self.depthwise = conv(width, width, 3, stride, groups=width, act=act)
        self.squeeze = (
            nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(width, 2, 1),
                nn.ReLU(),
                nn.Conv2d(2, width, 1),
                nn.Hardsigmoid(),
            )
            if squeeze
            else None
        )
        self.project = conv(width, outs, 1, act=None)

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        if self.squeeze is not None:
            y = y * self.squeeze(y)
        y = self.project(y)
        return x + y if self.skip else y


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 4, 3, 2, act=nn.ReLU6),
            Inverted(4, 4, 1, 2),
            Inverted(4, 6, 2, 3),
            Inverted(6, 6, 1, 3),
            conv(6, 12, 1, act=nn.ReLU6),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(12, 5))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(x.reshape(x.shape[0], -1))


class MobileNetV3(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 4, 3, 2, act=nn.Hardswish),
            Inverted(4, 4, 1, 2, nn.Hardswish, True),
            Inverted(4, 6, 2, 3, nn.Hardswish, True),
        )
        self.head = nn.Sequential(nn.Linear(6, 8), nn.Hardswish(), nn.Linear(8, 3))

    def forward(self, x):
        return self.head(self.features(x).mean([2, 3]))


class Shuffled(nn.Module):
    def __init__(self, ins, stride):
        super().__init__()
        self.stride = stride
        half = ins if stride == 2 else ins // 2
        self.right = nn.Sequential(
            conv(half, half, 1), conv(half, half, 3, stride, half, act=None), conv(half, half, 1)
        )
        self.left = (
            nn.Sequential(conv(half, half, 3, stride, half, act=None), conv(half, half, 1))
            if stride == 2
            else None
        )

    def forward(self, x):
        if self.left is None:
            left, right = x.chunk(2, dim=1)
        else:
            left, right = self.left(x), x
        x = torch.cat((left, self.right(right)), dim=1)
        count, channels, height, width = x.size()
        x = x.view(count, 2, channels // 2, height, width)
        return torch.transpose(x, 1, 2).contiguous().view(count, channels, height, width)


class ShuffleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(conv(3, 4, 3, 2), Shuffled(4, 2), Shuffled(8, 1))
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(self.layers(x).mean([2, 3]))


class DenseNet(nn.Module):
    def __init__(self, growth=3):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(4 + growth * i),
                nn.ReLU(),
                nn.Conv2d(4 + growth * i, growth, 3, padding=1),
            )
            for i in range(3)
        )
        self.transition = nn.Sequential(nn.Conv2d(13, 6, 1), nn.AvgPool2d(2, 2))
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        features = [self.stem(x)]
        for block in self.blocks:
            features.append(block(torch.cat(features, 1)))
        x = self.transition(torch.cat(features, 1))
        return self.fc(F.adaptive_avg_pool2d(F.relu(x), 1).flatten(1))


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = conv(3, 2, 1)
        self.three = nn.Sequential(conv(3, 2, 1), conv(2, 3, (1, 3)), conv(3, 3, (3, 1)))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv(3, 2, 1))
        self.project = nn.Conv2d(3, 2, 1)
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        mean = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        x = torch.cat([self.one(x), self.three(x), self.pool(x), self.project(mean)], 1)
        x = F.avg_pool2d(x, x.shape[2:])
        return self.fc(torch.flatten(F.dropout(x, 0.4, self.training), 1))


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2)
        self.squeeze = nn.Conv2d(4, 2, 1)
        self.expand1, self.expand3 = nn.Conv2d(2, 4, 1), nn.Conv2d(2, 4, 3, padding=1)
        self.classify = nn.Conv2d(8, 5, 1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, ceil_mode=True)
        x = F.relu(self.squeeze(x))
        x = torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)
        return torch.flatten(F.adaptive_avg_pool2d(F.relu(self.classify(x)), (1, 1)), 1)


class ConvNeXt(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 4, 4)
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.1))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(F.gelu(self.up(y)))
        x = x + y.permute(0, 3, 1, 2)
        return self.head(x.mean((-2, -1)))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = conv(1, 4), conv(4, 8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.merge = conv(8, 4)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        up = self.up(b)
        dy, dx = a.size(2) - up.size(2), a.size(3) - up.size(3)
        up = F.pad(up, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.out(self.merge(torch.cat([a, up], dim=1)))


class Pyramid(nn.Module):
    """Features of several sizes, as a list; resized to each other."""

    def __init__(self):
        super().__init__()
        self.one, self.two = conv(3, 4, 3, 2), conv(4, 6, 3, 2)
        self.lateral = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Conv2d(6, 4, 1)])

    def forward(self, x):
        a = self.one(x)
        b = self.two(a)
        low = self.lateral[1](b)
        high = self.lateral[0](a) + F.interpolate(low, size=a.shape[-2:], mode="nearest")
        mask = F.interpolate(high, scale_factor=2, mode="bilinear", align_corners=False)
        return {"features": [high, low], "mask": mask.sigmoid()}


class DeepLab(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv(3, 6, 3, 2)
        self.rates = nn.ModuleList(
            nn.Conv2d(6, 3, 3, padding=rate, dilation=rate, bias=False) for rate in (1, 2, 3)
        )
        self.pooled = nn.Conv2d(6, 3, 1)
        self.out = nn.Conv2d(12, 4, 1)

    def forward(self, x):
        y = self.stem(x)
        size = y.shape[-2:]
        parts = [rate(y) for rate in self.rates]
        pooled = self.pooled(F.adaptive_avg_pool2d(y, 1))
        parts.append(F.interpolate(pooled, size=size, mode="bilinear", align_corners=False))
        y = self.out(torch.cat(parts, 1))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=True)


class SuperResolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.PReLU(6))
        self.up = nn.Sequential(nn.Conv2d(6, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x):
        skip = F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
        return torch.clamp(self.up(self.body(x)) + skip, 0, 1)


class Style(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(2),
            nn.Conv2d(3, 4, 5),
            nn.InstanceNorm2d(4, affine=True),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.ReplicationPad2d(1),
            nn.Conv2d(4, 3, 3),
            nn.Tanh(),
        )

    def forward(self, x):
        y = self.layers(x)
        flat = y.flatten(2)
        return y, flat @ flat.transpose(1, 2) / flat.shape[-1]


class SpatialTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.locate = nn.Linear(36, 6)
        nn.init.normal_(self.locate.weight, std=0.02)

    def forward(self, x):
        theta = self.locate(x.flatten(1)).view(-1, 2, 3) + torch.eye(2, 3)
        return F.grid_sample(
            x, F.affine_grid(theta, x.size(), align_corners=False), align_corners=False
        )


class Mixer(nn.Module):
    def __init__(self, patches=4, width=8):
        super().__init__()
        self.embed = nn.Conv2d(3, width, 4, 4)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(patches, 6), nn.GELU(), nn.Linear(6, patches))
        self.channels = nn.Sequential(nn.Linear(width, 12), nn.GELU(), nn.Linear(12, width))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norm2(x))
        return self.head(x.mean(dim=1))


class Windows(nn.Module):
    """Attention inside shifted windows, with a learned bias for each distance."""

    def __init__(self, width=4, window=2, heads=2):
        super().__init__()
        self.window, self.heads = window, heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        at = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")).flatten(1)
        away = (at[:, :, None] - at[:, None, :]).permute(1, 2, 0) + window - 1
        self.register_buffer("index", away[..., 0] * (2 * window - 1) + away[..., 1])

    def forward(self, x):
        count, height, width, channels = x.shape
        w = self.window
        x = torch.roll(x, shifts=(-1, -1), dims=(1, 2))
        x = x.view(count, height // w, w, width // w, w, channels).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(-1, w * w, channels)
        qkv = self.qkv(x).reshape(-1, w * w, 3, self.heads, channels // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        bias = self.table[self.index.view(-1)].view(w * w, w * w, -1).permute(2, 0, 1)
        scores = (q @ k.transpose(-2, -1)) * (channels // self.heads) ** -0.5 + bias.unsqueeze(0)
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, w * w, channels)
        y = self.out(y).view(count, height // w, width // w, w, w, channels)
        y = y.permute(0, 1, 3, 2, 4, 5).reshape(count, height, width, channels)
        return torch.roll(y, shifts=(1, 1), dims=(1, 2))


class Detector(nn.Module):
    """Boxes from a grid, as one-stage detectors decode them."""

    def __init__(self, anchors=2, classes=3):
        super().__init__()
        self.classes = classes
        self.body = conv(3, 6, 3, 2, act=nn.SiLU)
        self.head = nn.Conv2d(6, anchors * (5 + classes), 1)
        self.register_buffer("anchors", torch.tensor([[1.0, 2.0], [3.0, 1.5]]).view(1, 2, 1, 1, 2))

    def forward(self, x):
        y = self.head(self.body(x))
        count, _, height, width = y.shape
        y = y.view(count, 2, 5 + self.classes, height, width).permute(0, 1, 3, 4, 2).sigmoid()
        ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        grid = torch.stack((xs, ys), 2).view(1, 1, height, width, 2).float()
        centre, size, rest = y.split((2, 2, self.classes + 1), 4)
        centre, size = (centre * 2 + grid - 0.5) * 2, (size * 2) ** 2 * self.anchors
        boxes = torch.cat((centre, size, rest), 4).view(count, -1, 5 + self.classes)
        best, label = boxes[..., 5:].max(-1)
        return boxes, best * boxes[..., 4], label


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.align = nn.Sequential(nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU())
        self.matrix = nn.Linear(8, 9)
        self.points = nn.Sequential(nn.Conv1d(3, 6, 1), nn.BatchNorm1d(6), nn.ReLU())
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        turn = self.matrix(self.align(x).max(dim=2)[0]).view(-1, 3, 3) + torch.eye(3)
        x = torch.bmm(x.transpose(2, 1), turn).transpose(2, 1)
        x = torch.max(self.points(x), 2, keepdim=True)[0].view(-1, 6)
        return F.log_softmax(self.head(x), dim=1), turn


class Video(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(1, 3, 3, padding=1),
            nn.BatchNorm3d(3),
            nn.ReLU(),
            nn.MaxPool3d((1, 2, 2)),
            nn.Conv3d(3, 4, (3, 1, 1), stride=(2, 1, 1)),
            nn.AvgPool3d((1, 2, 2)),
        )
        self.up = nn.ConvTranspose3d(4, 1, (1, 2, 2), stride=(1, 2, 2))
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        y = self.layers(x)
        return self.fc(F.adaptive_avg_pool3d(y, 1).flatten(1)), self.up(y)


class Equivariant(nn.Module):
    """Group norm, Mish, dilated and strided residuals; weights that are scaled before use."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding="same", dilation=2)
        self.norm = nn.GroupNorm(2, 4)
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        weight = self.conv.weight - self.conv.weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        y = F.conv2d(x, weight * self.scale, self.conv.bias, padding=2, dilation=2)
        return x + F.mish(self.norm(y))


def images(count, channels, size):
    return lambda: (torch.randn(count, channels, size, size),)


def any_batch(name="x", least=1, most=64):
    return {name: {0: Dim("batch", min=least, max=most)}}


MODELS = {
    "alexnet": (AlexNet, images(2, 3, 16), any_batch(), False),
    "vgg": (Vgg, images(2, 3, 16), any_batch(), False),
    "resnet": (ResNet, images(2, 3, 16), any_batch(), False),
    "resnet_train": (ResNet, images(4, 3, 32), None, True),
    "mobilenet_v2": (MobileNetV2, images(2, 3, 12), any_batch(), False),
    "mobilenet_v3": (MobileNetV3, images(2, 3, 12), any_batch(), False),
    "shufflenet": (ShuffleNet, images(2, 3, 8), any_batch(), False),
    "densenet": (DenseNet, images(2, 3, 8), any_batch(), False),
    "inception": (Inception, images(2, 3, 8), any_batch(), False),
    "squeezenet": (SqueezeNet, images(2, 3, 15), any_batch(), False),
    "convnext": (ConvNeXt, images(2, 3, 12), any_batch(), False),
    "unet": (UNet, images(2, 1, 8), any_batch(), False),
    "unet_any_size": (
        UNet,
        images(2, 1, 8),
        {"x": {2: 2 * Dim("height", min=2, max=32), 3: 2 * Dim("width", min=2, max=32)}},
        False,
    ),
    "pyramid": (Pyramid, images(2, 3, 8), any_batch(), False),
    "deeplab": (DeepLab, images(2, 3, 10), any_batch(), False),
    "super_resolution": (SuperResolution, images(2, 3, 5), any_batch(), False),
    "style": (Style, images(2, 3, 6), any_batch(), False),
    "spatial_transformer": (SpatialTransformer, images(2, 1, 6), any_batch(), False),
    "mixer": (Mixer, images(2, 3, 8), any_batch(), False),
    "windows": (Windows, lambda: (torch.randn(2, 4, 4, 4),), any_batch(), False),
    "detector": (Detector, images(2, 3, 8), any_batch(), False),
    "point_net": (
        PointNet,
        lambda: (torch.randn(2, 3, 7),),
        {"x": {0: Dim("batch", max=16), 2: Dim("points", min=2, max=64)}},
        False,
    ),
    "video": (Video, lambda: (torch.randn(2, 1, 5, 4, 4),), any_batch(), False),
    "equivariant": (Equivariant, lambda: (torch.randn(2, 4, 6, 6),), any_batch(), False),
}
