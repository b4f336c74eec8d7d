"""Trains with PyTorch the way its users write it, for tools/throughput/compare-step.

torch_step.py THREADS prints a line of JSON about itself. Then each line on stdin is answered by a line of JSON:

make NETWORK FILE        builds the network, with the weights and the two views that are in a safetensors file
                         -> {"parameters": ...}
try SECONDS              takes steps in every setting, first the one that users have by default
                         -> {"best": the fastest, "milliseconds": {setting: ...}, "firstLoss": in float32}
step SETTING SECONDS     takes steps for so long -> {"steps": ..., "milliseconds": of one}
"""

import contextlib
import json
import platform
import sys
import time

try:
    import numpy
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    import torchvision
except ImportError as error:
    print(
        f"{sys.executable}: is a Python without torchvision ({error}), must have it to compare with; install it "
        "(Debian: apt-get install python3-torchvision), name another one in the variable PYTHON, or use --ours-only",
        file=sys.stderr,
    )
    sys.exit(1)

TEMPERATURE = 0.1

# Whether convolutions are in bfloat16, and whether images and filters lie in memory channels last.
SETTINGS = {
    "float32": (False, False),
    "float32ChannelsLast": (False, True),
    "bfloat16": (True, False),
    "bfloat16ChannelsLast": (True, True),
}


class BasicBlock(nn.Module):
    """Of the thin networks: a change of shape costs no parameters (option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.padding = stride, (outputs - inputs) // 2

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.padding:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        out += x
        return F.relu(out)


class ThinResNet(nn.Module):
    """He et al. 2016, section 4.2, without the classifier."""

    feature_width = 64

    def __init__(self, blocks):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self.stage(16, 16, blocks, 1)
        self.layer2 = self.stage(16, 32, blocks, 2)
        self.layer3 = self.stage(32, 64, blocks, 2)

    @staticmethod
    def stage(inputs, outputs, blocks, stride):
        first = BasicBlock(inputs, outputs, stride)
        return nn.Sequential(first, *[BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1)])

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)


def wide(network, small):
    network.feature_width = network.fc.in_features
    network.fc = nn.Identity()
    if small:
        network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    return network


BACKBONES = {
    "resnet20": lambda: ThinResNet(3),
    "resnet18": lambda: wide(torchvision.models.resnet18(), small=True),
    "resnet50": lambda: wide(torchvision.models.resnet50(), small=False),
}


class ProjectionHead(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True), nn.Linear(width, 128))

    def forward(self, x):
        return self.layers(x)


class Encoder(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.backbone = BACKBONES[network]()
        self.head = ProjectionHead(self.backbone.feature_width)

    def forward(self, x):
        return self.head(self.backbone(x))


def nt_xent(projections):
    z = F.normalize(projections, dim=1)
    similarities = z @ z.t() / TEMPERATURE
    rows = z.shape[0]
    similarities = similarities.masked_fill(torch.eye(rows, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(similarities, (torch.arange(rows) + rows // 2) % rows)


class Training:
    """A network with its optimizer, in one setting."""

    def __init__(self, network, weights, views, bfloat16, channels_last):
        self.bfloat16, self.views = bfloat16, views
        self.encoder = Encoder(network).train()
        named = dict(self.encoder.named_parameters())
        if named.keys() != weights.keys():
            sys.exit(f"{network}: the parameters differ: {sorted(named.keys() ^ weights.keys())[:4]}, must have the same names")
        with torch.no_grad():
            for name, parameter in named.items():
                if parameter.shape != weights[name].shape:
                    sys.exit(f"{network}: {name} is {list(parameter.shape)} here, must be {list(weights[name].shape)}")
                parameter.copy_(weights[name])
        if channels_last:
            self.encoder = self.encoder.to(memory_format=torch.channels_last)
            self.views = [view.contiguous(memory_format=torch.channels_last) for view in views]
        self.optimizer = torch.optim.SGD(self.encoder.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def parameters(self):
        return sum(parameter.numel() for parameter in self.encoder.parameters())

    def step(self):
        images = torch.cat(self.views)
        self.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16) if self.bfloat16 else contextlib.nullcontext():
            projections = self.encoder(images)
        loss = nt_xent(projections.float())
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def measure(self, seconds, least=1):
        steps, begin = 0, time.perf_counter()
        while (used := time.perf_counter() - begin) < seconds or steps < least:
            self.step()
            steps += 1
        return {"steps": steps, "milliseconds": 1000 * used / steps}


def safetensors(path):
    """The tensors of a file of float32 values: eight bytes of header length, a JSON header, values."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        values = torch.from_numpy(numpy.frombuffer(bytearray(file.read()), dtype=numpy.float32))
    header.pop("__metadata__", None)
    return {
        name: values[entry["data_offsets"][0] // 4 : entry["data_offsets"][1] // 4].view(entry["shape"])
        for name, entry in header.items()
    }


def main():
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }), flush=True)
    make, trainings = None, {}
    for line in sys.stdin:
        command, *arguments = line.split(maxsplit=2)
        if command == "make":
            network, file = arguments
            tensors = safetensors(file.strip())
            views = [tensors.pop("view1"), tensors.pop("view2")]
            trainings.clear()
            make = lambda setting: Training(network, tensors, views, *SETTINGS[setting])
            trainings["float32"] = make("float32")
            answer = {"parameters": trainings["float32"].parameters()}
        elif command == "try":
            first_loss, milliseconds = trainings["float32"].step(), {}
            for setting in SETTINGS:
                training = trainings[setting] = trainings.get(setting) or make(setting)
                training.step()  # the first one allocates memory and chooses algorithms
                milliseconds[setting] = training.measure(float(arguments[0]), least=2)["milliseconds"]
            best = min(milliseconds, key=milliseconds.get)
            trainings = {setting: training for setting, training in trainings.items() if setting in ("float32", best)}
            answer = {"best": best, "milliseconds": milliseconds, "firstLoss": first_loss}
        else:
            answer = trainings[arguments[0]].measure(float(arguments[1]))
        print(json.dumps(answer), flush=True)


main()
