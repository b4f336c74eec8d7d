"""Makes views with torchvision the way its users write it, for tools/throughput/compare-views.

torchvision_views.py FOLDER prints a line of JSON about itself. Then each line on stdin that names a workload and
seconds ("simclr224 3.0") is answered by a line of JSON: the images done, and the CPU seconds that took.
"""

import json
import os
import platform
import random
import sys
import time

try:
    import numpy
    import PIL
    import torch
    import torchvision
    from PIL import Image, ImageFilter, ImageOps
    from torchvision import transforms
except ImportError as error:
    print(
        f"{sys.executable}: is a Python without torchvision ({error}), must have it to compare with; install it "
        "(Debian: apt-get install python3-torchvision), name another one in the variable PYTHON, or use --ours-only",
        file=sys.stderr,
    )
    sys.exit(1)

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif")
IMAGENET = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
CIFAR = transforms.Normalize(mean=[0.4914, 0.4822, 0.4465], std=[0.2470, 0.2435, 0.2616])


class PillowBlur:
    """Gaussian blur as MoCo, SimSiam and lightly write it."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


class TwoCrops:
    """Two views of an image, as TwoCropsTransform of MoCo."""

    def __init__(self, transform):
        self.transform = transform

    def __call__(self, image):
        return [self.transform(image), self.transform(image)]


def simclr(size, smallest, blur, normalize):
    return TwoCrops(transforms.Compose([
        transforms.RandomResizedCrop(size, scale=(smallest, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
        transforms.RandomGrayscale(p=0.2),
        *([transforms.RandomApply([blur], p=0.5)] if blur else []),
        transforms.ToTensor(),
        normalize,
    ]))


def files_of(folder):
    found = []
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(root, name)
            for name in names
            if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        ]
    return sorted(found)


def load(path):
    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


def small_images(files, least):
    """The centre squares at 32 x 32 as one array, as torchvision.datasets.CIFAR10 holds its images."""
    once = [numpy.asarray(ImageOps.fit(load(path), (32, 32), Image.Resampling.BILINEAR)) for path in files]
    return numpy.stack(once * -(-least // len(once)))


class Endless:
    """The images of a workload in a new random order each time round."""

    def __init__(self, items, read, transform):
        self.items, self.read, self.transform = items, read, transform
        self.order = []

    def step(self):
        if not self.order:
            self.order = random.sample(range(len(self.items)), len(self.items))
        return self.transform(self.read(self.items[self.order.pop()]))


def main():
    random.seed(1)
    torch.manual_seed(1)
    torch.set_num_threads(1)
    files = files_of(sys.argv[1])
    small = small_images(files, 1000)
    workloads = {
        "simclr224": Endless(files, load, simclr(224, 0.08, transforms.GaussianBlur(23, (0.1, 2.0)), IMAGENET)),
        "simclr224Pillow": Endless(files, load, simclr(224, 0.08, PillowBlur(), IMAGENET)),
        "decodeTwoCrops": Endless(files, load, TwoCrops(transforms.RandomResizedCrop(224))),
        "cifar32": Endless(small, Image.fromarray, simclr(32, 0.2, None, CIFAR)),
    }
    print(json.dumps({
        "images": len(files),
        "versions": {
            "python": platform.python_version(),
            "pillow": PIL.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }), flush=True)
    for line in sys.stdin:
        name, seconds = line.split()
        workload, seconds = workloads[name], float(seconds)
        images, begin = 0, time.process_time()
        while (used := time.process_time() - begin) < seconds:
            workload.step()
            images += 1
        print(json.dumps({"images": images, "cpuSeconds": used}), flush=True)


main()
