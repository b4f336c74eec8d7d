"""The other side of the exchange: torchvision's networks, with the weights and pictures that the tests hand over."""
import collections
import sys

import torch
import torchvision

import safe_tensors

torch.set_num_threads(1)


def network(arch):
    """A network as users make it; without the classifier, unless its classes are given."""
    name, _, classes = arch.partition(":")
    if name == "vit":
        net = torchvision.models.VisionTransformer(
            image_size=32, patch_size=8, num_layers=2, num_heads=3, hidden_dim=192, mlp_dim=768)
        net.heads = torch.nn.Identity()
        return net
    net = getattr(torchvision.models, name)(num_classes=int(classes or 1000))
    if not classes:
        net.fc = torch.nn.Identity()
    return net


def features(arch, weights, pictures, out):
    """Loads weights with strict=True and writes what the network makes of pictures."""
    net = network(arch)
    net.load_state_dict(safe_tensors.load(weights), strict=True)
    write(net, pictures, out)


def write(net, pictures, out):
    net.eval()
    with torch.no_grad():
        safe_tensors.save(out, {"features": torch.cat([net(part) for part in safe_tensors.load(pictures)["pictures"].split(8)])})


def perturbed(arch):
    """Random weights whose statistics are not those of the beginning."""
    net = network(arch)
    with torch.no_grad():
        for name, value in net.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
        for name, value in net.named_parameters():
            if value.dim() == 1:
                value.add_(torch.randn_like(value) * 0.05)
                if name.endswith("weight"):
                    value.mul_(0.6)  # so that fifty layers do not make large features
    return net


def make(arch, layout, path, pictures, out):
    """Writes the weights of a network in a layout, and what it makes of pictures."""
    torch.manual_seed(3)
    net, copy = perturbed(arch), perturbed(arch)
    state = net.state_dict()
    if layout == "safetensors":
        safe_tensors.save(path, state)
    elif layout == "plain":
        torch.save(state, path)
    elif layout == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    elif layout == "moco":
        # As facebookresearch/moco saves: a DistributedDataParallel's names, a head on both encoders, the queue, the optimizer.
        optimizer = torch.optim.SGD(net.parameters(), 1e-7, momentum=0.9)
        sum(p.sum() for p in net.parameters()).backward()
        optimizer.step()
        names = collections.OrderedDict()
        for encoder, values in (("encoder_q", net.state_dict()), ("encoder_k", copy.state_dict())):
            for name, value in values.items():
                names[f"module.{encoder}.{name}"] = value
            names[f"module.{encoder}.fc.0.weight"] = torch.randn(8, 8)
        names["module.queue"] = torch.randn(8, 64)
        names["module.queue_ptr"] = torch.zeros(1, dtype=torch.long)
        torch.save({"epoch": 200, "arch": arch, "state_dict": names, "optimizer": optimizer.state_dict()}, path)
    elif layout == "lightly":
        # nn.Sequential(*list(resnet.children())[:-1]) as self.backbone of a Lightning module.
        backbone = torch.nn.Sequential(*list(net.children())[:-1])
        state = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
        torch.save({"epoch": 1, "global_step": 2, "state_dict": state, "hyper_parameters": {"lr": 0.1}}, path)
    write(net, pictures, out)


class Evil:
    def __reduce__(self):
        import os
        return os.system, ("touch selfsup-was-here",)


def evil(path, container):
    """A file that runs a command in whoever opens it as Python does."""
    state = torchvision.models.resnet18().state_dict()
    state["fc.bias"] = Evil()
    torch.save(state, path, _use_new_zipfile_serialization=container == "zip")


{"features": features, "make": make, "evil": evil}[sys.argv[1]](*sys.argv[2:])
