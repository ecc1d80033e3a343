"""Preparing images."""

from kerastorch.lazy import attach_past
from kerastorch.utils.image_files import array_to_img as array_to_img
from kerastorch.utils.image_files import img_to_array as img_to_array
from kerastorch.utils.image_files import load_img as load_img
from kerastorch.utils.image_files import save_img as save_img
from kerastorch.utils.image_files import smart_resize as smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

__getattr__ = attach_past(__name__)
