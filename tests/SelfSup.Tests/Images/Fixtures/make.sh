#!/bin/sh
# Makes every file of this folder: sh make.sh (imagemagick, libjpeg-turbo-progs, webp, libimage-exiftool-perl,
# python3-pil).
set -eu
cd "$(dirname "$0")"
rm -f ./*.jpg ./*.png ./*.webp ./*.bmp ./*.gif ./*.ppm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 33 x 21: no multiple of a JPEG block; no two corners alike, so every orientation can be told from the others.
convert -size 33x21 -seed 7 plasma:orange-navy -blur 0x1 \
    -fill white -draw 'rectangle 1,1 8,4' -fill green -draw 'rectangle 26,14 31,19' -depth 8 "$work/base.ppm"
convert "$work/base.ppm" -colorspace Gray "$work/gray.pgm"

cjpeg -quality 92 -sample 2x2 "$work/base.ppm" > jpeg-420.jpg
cjpeg -quality 92 -sample 1x1 "$work/base.ppm" > jpeg-444.jpg
cjpeg -quality 92 -sample 2x2 -progressive "$work/base.ppm" > jpeg-progressive.jpg
cjpeg -quality 92 -restart 1 "$work/base.ppm" > jpeg-restart.jpg
cjpeg -quality 92 -rgb "$work/base.ppm" > jpeg-rgb.jpg
cjpeg -quality 92 -grayscale "$work/gray.pgm" > jpeg-gray.jpg
convert "$work/base.ppm" -colorspace CMYK -quality 92 jpeg-cmyk.jpg

for orientation in 1 2 3 4 5 6 7 8; do
    cp jpeg-444.jpg "orientation-$orientation.jpg"
    exiftool -q -overwrite_original -n -Orientation=$orientation "orientation-$orientation.jpg"
done

convert "$work/base.ppm" -strip -define png:color-type=2 png-rgb.png
convert "$work/base.ppm" -strip -define png:color-type=2 -interlace PNG png-interlaced.png
convert "$work/base.ppm" -depth 16 -evaluate Add 100 -strip -define png:bit-depth=16 -define png:color-type=2 png-16bit.png
convert "$work/gray.pgm" -strip -define png:color-type=0 png-gray.png
convert "$work/gray.pgm" -depth 16 -evaluate Add 100 -strip -define png:bit-depth=16 -define png:color-type=0 png-gray-16bit.png
convert "$work/base.ppm" -colors 16 -strip -define png:color-type=3 png-palette.png
convert "$work/base.ppm" -alpha set -channel A -fx 'i/w' +channel -strip -define png:color-type=6 png-alpha.png
convert "$work/base.ppm" -monochrome -strip -define png:bit-depth=1 -define png:color-type=0 png-1bit.png

cwebp -quiet -q 90 "$work/base.ppm" -o webp-lossy.webp
cwebp -quiet -lossless "$work/base.ppm" -o webp-lossless.webp
cwebp -quiet -lossless -exact png-alpha.png -o webp-alpha.webp

convert "$work/base.ppm" BMP3:bmp-rgb.bmp
convert "$work/base.ppm" -colors 16 -type Palette BMP3:bmp-palette.bmp
convert "$work/base.ppm" -colors 32 "$work/first.gif"
convert -delay 10 "$work/first.gif" \( "$work/first.gif" -negate \) gif-animated.gif

# What another decoder makes of them, upright and without alpha: ImageMagick, dwebp for WebP.
for file in *.jpg *.png *.bmp *.gif; do
    convert "$file[0]" -auto-orient -alpha off -colorspace sRGB -type TrueColor -depth 8 "${file%.*}.ppm"
done
for file in *.webp; do
    dwebp -quiet "$file" -ppm -o "${file%.*}.ppm"
done

/usr/bin/python3 make-jpeg-matrix.py
