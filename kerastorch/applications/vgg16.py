"""VGG with 16 layers that have weights."""

from kerastorch.applications.vgg import VGG16 as VGG16
from kerastorch.applications.vgg import decode_predictions as decode_predictions
from kerastorch.applications.vgg import preprocess_input as preprocess_input
