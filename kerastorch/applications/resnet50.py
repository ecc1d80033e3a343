"""ResNet with 50 layers that have weights."""

from kerastorch.applications.resnet import ResNet50 as ResNet50
from kerastorch.applications.resnet import decode_predictions as decode_predictions
from kerastorch.applications.resnet import preprocess_input as preprocess_input
