"""The safetensors format in thirty lines, for a PyTorch that comes without its package."""
import json
import struct

import torch

TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}


def load(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, of in header.items():
        (begin, end), type = of["data_offsets"], TYPES[of["dtype"]]
        flat = torch.frombuffer(data[begin:end], dtype=type) if end > begin else torch.empty(0, dtype=type)
        tensors[name] = flat.reshape(of["shape"])
    return tensors


def save(path, tensors):
    names = {value: name for name, value in TYPES.items()}
    header, parts, offset = {}, [], 0
    for name, value in tensors.items():
        bytes = value.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": names[value.dtype], "shape": list(value.shape), "data_offsets": [offset, offset + len(bytes)]}
        parts.append(bytes)
        offset += len(bytes)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
