"""Makes the files beside it, with the PyTorch of Debian 12 (1.13): python3 make.py"""
import argparse
import collections
import os
import pathlib

import numpy
import torch


def views():
    """Tensors in every way that they can lie in a storage, of every type that is read."""
    base = torch.arange(24, dtype=torch.float32)
    return {
        "transposed": base.reshape(4, 6).t(),
        "column": base.reshape(4, 6)[:, 2],
        "part": base[5:9],
        "whole": base,
        "channelsLast": torch.arange(48, dtype=torch.float32).reshape(2, 3, 4, 2).contiguous(memory_format=torch.channels_last),
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.arange(3, dtype=torch.float64)),
        "half": torch.tensor([0.5, -2.0]).half(),
        "bfloat16": torch.tensor([0.5, -3.0]).bfloat16(),
        "int32": torch.tensor([1, -2], dtype=torch.int32),
        "int16": torch.tensor([3, -4], dtype=torch.int16),
        "int8": torch.tensor([5, -6], dtype=torch.int8),
        "uint8": torch.tensor([7, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "expanded": torch.ones(1).expand(5),
    }


def moco():
    """A checkpoint as facebookresearch/moco writes it, of a very small network, with what trainers keep beside weights."""
    net = torch.nn.Sequential(collections.OrderedDict(conv1=torch.nn.Conv2d(3, 2, 3), bn1=torch.nn.BatchNorm2d(2), fc=torch.nn.Linear(2, 4)))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net.fc(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = collections.OrderedDict()
    for copy in ("encoder_q", "encoder_k"):
        for name, value in net.state_dict().items():
            state[f"module.{copy}.{name}"] = value.clone()
    state["module.queue"] = torch.zeros(4, 8)
    return {
        "epoch": 3,
        "arch": "resnet50",
        "state_dict": state,
        "optimizer": optimizer.state_dict(),
        "best_acc1": torch.tensor(12.5),
        "acc": numpy.float64(0.25),
        "losses": numpy.arange(3),
        "args": argparse.Namespace(lr=0.03, out=pathlib.PosixPath("/tmp/x"), cos=True, schedule=[120, 160], none=None, big=1 << 70),
        "size": torch.Size([1, 2]),
        "type": torch.float16,
        "device": torch.device("cpu"),
        "counts": collections.defaultdict(int, {"a": 1}),
        "set": {1, 2},
    }


class Evil:
    """Runs a command in whoever unpickles it as Python does."""

    def __reduce__(self):
        return os.system, ("touch selfsup-was-here",)


torch.manual_seed(1)
for name, make in (("views", views), ("moco", moco), ("evil", lambda: {"state_dict": {"conv1.weight": torch.zeros(1)}, "x": Evil()})):
    torch.save(make(), f"{name}-zip.pth")
    torch.save(make(), f"{name}-legacy.pth", _use_new_zipfile_serialization=False)
torch.save(moco(), "moco-protocol4.pth", pickle_protocol=4)
torch.save(torch.nn.Linear(2, 2), "module-zip.pth")
