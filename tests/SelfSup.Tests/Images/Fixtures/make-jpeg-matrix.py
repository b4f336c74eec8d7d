"""Makes jpeg-matrix.zip: JPEG files and the pixels that libjpeg (djpeg -dct int) and Pillow make of them.

Called by make.sh (Debian 12: libjpeg-turbo-progs, imagemagick, python3-pil). The folders of the archive say what is
expected: exact (our decoder, the same pixels), near (our decoder, at most two levels away), library (declined, so another
decoder makes the pixels, at most two levels away), refused (an error). NAME.jpg has its pixels in NAME.pnm, upright.
"""

import io
import os
import random
import subprocess
import tempfile
import zipfile

from PIL import Image, ImageFilter

SIZES = [(1, 1), (2, 2), (3, 5), (7, 9), (17, 33), (33, 21), (64, 48), (100, 75)]
QUALITIES = [30, 75, 95]
MODES = ["baseline", "progressive", "restart", "optimized"]
FACTORS = {"444": "1x1", "422": "2x1", "440": "1x2", "420": "2x2"}
PILLOW_SUBSAMPLING = {"444": 0, "422": 1, "420": 2}

archive = {}
work = tempfile.mkdtemp()


def photograph(width, height):
    """Smooth colours with a few edges; from a generator of its own, so the same everywhere."""
    state = random.Random(width * 1000 + height)
    small = Image.new("RGB", (max(2, width // 8), max(2, height // 8)))
    small.putdata([tuple(state.randrange(256) for _ in range(3)) for _ in range(small.width * small.height)])
    image = small.resize((width, height), Image.BICUBIC)
    for _ in range(3):
        box = (state.randrange(width), state.randrange(height))
        colour = tuple(state.randrange(256) for _ in range(3))
        image.paste(colour, (*box, box[0] + 1 + width // 5, box[1] + 1 + height // 6))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def ppm(image):
    data = io.BytesIO()
    image.save(data, "PPM")
    return data.getvalue()


def run(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def djpeg(jpeg):
    # 2 says that there were warnings, as about bytes that are no marker.
    done = subprocess.run(["/usr/bin/djpeg", "-dct", "int", "-pnm"], input=jpeg, capture_output=True)
    assert done.returncode in (0, 2), done.stderr
    return done.stdout


def cjpeg(image, *options):
    return run(["/usr/bin/cjpeg", *options], ppm(image))


def put(folder, name, jpeg, pixels=None):
    archive[f"{folder}/{name}.jpg"] = jpeg
    if folder != "refused":
        archive[f"{folder}/{name}.pnm"] = djpeg(jpeg) if pixels is None else pixels


def by_cjpeg(image, sampling, quality, mode):
    options = ["-quality", str(quality)]
    options += {"gray": ["-grayscale"], "rgb": ["-rgb"]}.get(sampling) or ["-sample", FACTORS[sampling]]
    options += {"progressive": ["-progressive"], "restart": ["-restart", "1B"], "optimized": ["-optimize"]}.get(mode, [])
    return cjpeg(image, *options)


def by_pillow(image, sampling, quality, mode):
    data = io.BytesIO()
    options = {} if sampling == "gray" else {"subsampling": PILLOW_SUBSAMPLING[sampling]}
    image.convert("L" if sampling == "gray" else "RGB").save(
        data, "JPEG", quality=quality, progressive=mode == "progressive", optimize=mode == "optimized", **options)
    return data.getvalue()


def by_imagemagick(image, sampling, quality, mode):
    options = ["-colorspace", "Gray"] if sampling == "gray" else ["-sampling-factor", FACTORS[sampling]]
    options += ["-interlace", "JPEG"] if mode == "progressive" else []
    options += ["-define", "jpeg:optimize-coding=" + ("true" if mode == "optimized" else "false")]
    return run(["/usr/bin/convert", "ppm:-", *options, "-quality", str(quality), "jpeg:-"], ppm(image))


def matrix():
    """Every size, subsampling and mode; qualities and encoders are drawn."""
    state = random.Random(1)
    for width, height in SIZES:
        image = photograph(width, height)
        for kind, sampling in enumerate([*FACTORS, "gray", "rgb"]):
            for place, mode in enumerate(MODES):
                if width >= 64 and place % 2 != kind % 2 or width == 100 and place > 1:
                    continue  # The largest ones would fill the archive.
                encoders = [("cjpeg", by_cjpeg)]
                if mode != "restart" and sampling in [*PILLOW_SUBSAMPLING, "gray"]:
                    encoders.append(("pillow", by_pillow))
                if mode != "restart" and sampling != "rgb":
                    encoders.append(("imagemagick", by_imagemagick))
                name, encoder = state.choice(encoders)
                quality = state.choice(QUALITIES)
                put("exact", f"{name}-{sampling}-q{quality}-{width}x{height}-{mode}", encoder(image, sampling, quality, mode))


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def after_start(jpeg, added):
    return jpeg[:2] + added + jpeg[2:]


def find(jpeg, marker):
    """Where a segment begins."""
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + int.from_bytes(jpeg[at + 2:at + 4], "big")
    return at


def without(jpeg, marker):
    at = find(jpeg, marker)
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2:at + 4], "big"):]


def with_byte(jpeg, at, value):
    return jpeg[:at] + bytes([value]) + jpeg[at + 1:]


def exif(orientation, order):
    number = lambda value, size: value.to_bytes(size, order)
    tiff = (b"II*\0" if order == "little" else b"MM\0*") + number(8, 4) + number(2, 2)
    tiff += number(0x0103, 2) + number(3, 2) + number(1, 4) + number(6, 2) + number(0, 2)
    tiff += number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + number(0, 2)
    return segment(0xE1, b"Exif\0\0" + tiff + number(0, 4))


def orientations():
    image = photograph(21, 14)
    turns = [None, Image.FLIP_LEFT_RIGHT, Image.ROTATE_180, Image.FLIP_TOP_BOTTOM, Image.TRANSPOSE, Image.ROTATE_270,
             Image.TRANSVERSE, Image.ROTATE_90]
    for mode in ("baseline", "progressive"):
        jpeg = by_cjpeg(image, "420", 75, mode)
        stored = Image.open(io.BytesIO(djpeg(jpeg)))
        for orientation, turn in enumerate(turns, 1):
            upright = ppm(stored if turn is None else stored.transpose(turn))
            for order in ("little", "big"):
                put("exact", f"orientation-{orientation}-{order}-{mode}",
                    after_start(jpeg, exif(orientation, order)), upright)


def scans(text):
    path = os.path.join(work, "scans.txt")
    with open(path, "w") as file:
        file.write(text)
    return ["-scans", path]


def structure():
    image = photograph(27, 18)
    plain = by_cjpeg(image, "420", 75, "baseline")
    progressive = by_cjpeg(image, "420", 75, "progressive")
    put("exact", "not-interleaved", cjpeg(image, "-sample", "2x2", *scans("0;\n1;\n2;\n")))
    put("exact", "not-interleaved-restart", cjpeg(image, "-sample", "2x2", "-restart", "2B", *scans("2;\n0;\n1;\n")))
    put("exact", "partly-interleaved", cjpeg(image, "-sample", "2x1", *scans("0 2;\n1;\n")))
    put("exact", "progressive-restart", cjpeg(image, "-sample", "2x2", "-progressive", "-restart", "1B"))
    put("exact", "progressive-spectral-only", cjpeg(
        image, *scans("0 1 2: 0-0, 0, 0;\n" + "".join(f"{c}: {k}-{k}, 0, 0;\n" for c in range(3) for k in range(1, 4))
                      + "".join(f"{c}: 4-63, 0, 0;\n" for c in range(3)))))
    put("exact", "progressive-many-refinements", cjpeg(
        image, *scans("0 1 2: 0-0, 0, 3;\n" + "".join(f"0 1 2: 0-0, {a}, {a - 1};\n" for a in (3, 2, 1))
                      + "".join(f"{c}: 1-63, 0, 3;\n" for c in range(3))
                      + "".join(f"{c}: 1-63, {a}, {a - 1};\n" for a in (3, 2, 1) for c in range(3)))))
    put("exact", "adobe-rgb", cjpeg(image, "-rgb"))
    frame = find(cjpeg(image, "-rgb"), 0xC0)
    rgb = bytearray(cjpeg(image, "-rgb"))
    scan = find(rgb, 0xDA)
    for i in range(3):  # components called 1, 2, 3: only the Adobe marker says that they are red, green and blue
        rgb[frame + 10 + 3 * i] = rgb[scan + 5 + 2 * i] = 1 + i
    put("exact", "adobe-rgb-numbered", bytes(rgb))
    put("exact", "rgb-by-names", without(cjpeg(image, "-rgb"), 0xEE))
    profile = b"ICC_PROFILE\0\1\1" + bytes(range(256)) * 240
    put("exact", "icc-profile", after_start(plain, segment(0xE2, profile)))
    put("exact", "big-segments", after_start(
        plain, b"".join(segment(0xE0 + n, b"\xFF\xDA" * 32766) for n in range(3, 14))))
    put("exact", "comments", after_start(plain, segment(0xFE, b"\xFF\xD9 not the end") + segment(0xFE, b"")))
    for name, jpeg in (("baseline", plain), ("progressive", progressive)):
        at = find(jpeg, 0xDB)
        put("exact", f"fill-bytes-{name}", jpeg[:at] + b"\xFF" * 7 + jpeg[at:-2] + b"\xFF\xFF\xFF" + jpeg[-2:])
        put("exact", f"garbage-before-marker-{name}", jpeg[:at] + b"garbage\0" + jpeg[at:])
        put("exact", f"bytes-behind-the-end-{name}", jpeg + b"\xFF\xDAgarbage")
    put("exact", "no-end-marker", plain[:-2], djpeg(plain))
    put("exact", "no-end-marker-restart", by_cjpeg(image, "420", 75, "restart")[:-2],
        djpeg(by_cjpeg(image, "420", 75, "restart")))
    put("refused", "no-end-marker-progressive", progressive[:-2])
    put("refused", "no-end-marker-not-interleaved", cjpeg(image, *scans("0;\n1;\n2;\n"))[:-2])
    blocks = Image.new("L", (70, 60))
    blocks.putdata([(x * 3 + y * 2) % 256 for y in range(60) for x in range(70)])
    large = blocks.resize((560, 480), Image.NEAREST).convert("RGB")
    put("exact", "thousands-of-restart-markers", cjpeg(large, "-grayscale", "-quality", "75", "-restart", "1B"))


def declined():
    image = photograph(27, 18)
    put("library", "411", cjpeg(image, "-sample", "4x1"))
    put("library", "410", cjpeg(image, "-sample", "4x2"))
    put("library", "411-progressive", cjpeg(image, "-sample", "4x1", "-progressive"))
    put("library", "arithmetic", cjpeg(image, "-arithmetic"))
    put("library", "arithmetic-progressive", cjpeg(image, "-arithmetic", "-progressive"))
    plain = cjpeg(image)
    put("refused", "12-bit", with_byte(with_byte(plain, find(plain, 0xC0) + 4, 12), find(plain, 0xC0) + 1, 0xC1))
    put("refused", "lossless", with_byte(plain, find(plain, 0xC0) + 1, 0xC3))


def inks():
    image = photograph(27, 18).convert("CMYK")
    pixels = list(image.getdata())
    image.putdata([(c, m, y, (c * 7 + m) % 200) for c, m, y, _ in pixels])
    for name, options in (("baseline", {}), ("progressive", {"progressive": True})):
        data = io.BytesIO()
        image.save(data, "JPEG", quality=90, **options)
        cmyk = data.getvalue()
        adobe = find(cmyk, 0xEE)
        for kind, jpeg in (("cmyk-adobe", cmyk), ("ycck-adobe", with_byte(cmyk, adobe + 15, 2)),
                           ("cmyk-plain", without(cmyk, 0xEE))):
            put("near", f"{kind}-{name}", jpeg, ppm(Image.open(io.BytesIO(jpeg)).convert("RGB")))


matrix()
orientations()
structure()
declined()
inks()
with zipfile.ZipFile("jpeg-matrix.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
    for name in sorted(archive):
        entry = zipfile.ZipInfo(name)  # of 1980, so that the archive is the same whenever it is made
        entry.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(entry, archive[name])
