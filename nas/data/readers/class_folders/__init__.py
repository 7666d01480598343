"""A user's own images: a folder that holds one folder of image files for each class.

Where it holds `train`, `test` and perhaps `val` instead, each with a folder for each class, these are its splits.
Images are grey if every file is, else RGB; they are turned as their camera was held, and decoded one at a time, when
they are taken. Transparency isn't read.
"""

from __future__ import annotations

from nas.data.readers.class_folders.faults import UnusableImages
from nas.data.readers.class_folders.image_file import EIGHT_BITS, decoded, planes, scan, unread
from nas.data.readers.class_folders.layout import holds_images
from nas.data.readers.class_folders.source import folder_source

__all__ = ["EIGHT_BITS", "UnusableImages", "decoded", "folder_source", "holds_images", "planes", "scan", "unread"]
