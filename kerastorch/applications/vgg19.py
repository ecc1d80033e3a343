"""VGG with 19 layers that have weights."""

from kerastorch.applications.vgg import VGG19 as VGG19
from kerastorch.applications.vgg import decode_predictions as decode_predictions
from kerastorch.applications.vgg import preprocess_input as preprocess_input
