"""Reads the files that a run writes for TensorBoard, by nothing of SelfSup's but the published schema: prints what is in them as JSON.

    tensorboard_files.py PROTOS PROJECTOR_PROTO FOLDER

Checks every checksum, decodes every image and follows every path of the projector's configuration; ends with an error otherwise.
"""

import glob
import io
import json
import os
import struct
import subprocess
import sys
import tempfile

from google.protobuf import text_format
from PIL import Image


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc32c_table()


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    with open(path, "rb") as file:
        while head := file.read(12):
            length, check = struct.unpack("<QI", head)
            assert check == masked_crc32c(head[:8]), f"{path}: the checksum of a length is wrong"
            content = file.read(length)
            assert len(content) == length, f"{path}: ends within a record"
            assert struct.unpack("<I", file.read(4))[0] == masked_crc32c(content), f"{path}: the checksum of a record is wrong"
            yield content


def compiled(protos, projector):
    folder = tempfile.mkdtemp()
    files = [os.path.relpath(file, protos) for file in glob.glob(f"{protos}/**/*.proto", recursive=True)]
    subprocess.run(["protoc", f"-I{protos}", f"--python_out={folder}", *files], check=True)
    subprocess.run(["protoc", f"-I{os.path.dirname(projector)}", f"--python_out={folder}", projector], check=True)
    sys.path.insert(0, folder)


def value_of(value, plugin):
    from tensorboard.plugins.hparams import plugin_data_pb2

    tensor = value.tensor
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if plugin == "scalars":
        assert tensor.dtype == 1 and shape == [] and value.metadata.data_class == 1
        return tensor.float_val[0]
    if plugin == "histograms":
        assert tensor.dtype == 2 and len(shape) == 2 and shape[1] == 3 and value.metadata.data_class == 2
        numbers = struct.unpack(f"<{shape[0] * 3}d", tensor.tensor_content)
        rows = [numbers[i:i + 3] for i in range(0, len(numbers), 3)]
        assert all(left <= right for left, right, _ in rows)
        assert all(row[1] == after[0] for row, after in zip(rows, rows[1:]))
        return {"buckets": shape[0], "least": rows[0][0], "most": rows[-1][1], "count": sum(count for _, _, count in rows)}
    if plugin == "images":
        assert tensor.dtype == 7 and shape == [3] and value.metadata.data_class == 3
        width, height, png = tensor.string_val
        picture = Image.open(io.BytesIO(png))
        picture.load()
        assert picture.format == "PNG" and picture.size == (int(width), int(height))
        return {"width": int(width), "height": int(height), "colors": len(picture.convert("RGB").getcolors(1 << 24))}
    if plugin == "text":
        assert tensor.dtype == 7 and shape == [] and value.metadata.data_class == 2
        return tensor.string_val[0].decode()
    assert plugin == "hparams" and shape == [0]
    data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
    which = data.WhichOneof("data")
    return {"which": which, "settings": {
        name: getattr(setting, setting.WhichOneof("kind")) for name, setting in data.session_start_info.hparams.items()}}


def events_of(folder):
    from tensorboard.compat.proto import event_pb2

    for path in sorted(glob.glob(f"{folder}/events.out.tfevents.*")):
        file = []
        for content in records(path):
            event = event_pb2.Event.FromString(content)
            file.append({
                "step": event.step,
                "wallTime": event.wall_time,
                "version": event.file_version,
                "start": event.session_log.status == 1,
                "values": [
                    {
                        "tag": value.tag,
                        "plugin": value.metadata.plugin_data.plugin_name,
                        "value": value_of(value, value.metadata.plugin_data.plugin_name),
                    }
                    for value in event.summary.value
                ],
            })
        yield file


def projector_of(folder):
    import projector_config_pb2

    path = f"{folder}/projector_config.pbtxt"
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        config = text_format.Parse(file.read(), projector_config_pb2.ProjectorConfig())
    for embedding in config.embeddings:
        with open(f"{folder}/{embedding.tensor_path}", encoding="utf-8") as file:
            vectors = [[float(number) for number in line.split("\t")] for line in file]
        with open(f"{folder}/{embedding.metadata_path}", encoding="utf-8") as file:
            labels = [line.rstrip("\n").split("\t") for line in file]
        assert [len(vectors)] + [len(vectors[0])] == list(embedding.tensor_shape)
        assert all(len(vector) == len(vectors[0]) for vector in vectors)
        assert labels[0] == ["class", "image"] and len(labels) == len(vectors) + 1
        sprite = Image.open(f"{folder}/{embedding.sprite.image_path}")
        sprite.load()
        width, height = embedding.sprite.single_image_dim
        assert max(sprite.size) <= 8192 and (sprite.size[0] // width) * (sprite.size[1] // height) >= len(vectors)
        yield {
            "name": embedding.tensor_name,
            "rows": len(vectors),
            "width": len(vectors[0]),
            "distinct": len({tuple(vector) for vector in vectors}),
            "classes": sorted({label[0] for label in labels[1:]}),
        }


compiled(sys.argv[1], sys.argv[2])
json.dump({"files": list(events_of(sys.argv[3])), "projector": list(projector_of(sys.argv[3]))}, sys.stdout)
