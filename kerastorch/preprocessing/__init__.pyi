from ..utils.directories import image_dataset_from_directory as image_dataset_from_directory
from ..utils.directories import text_dataset_from_directory as text_dataset_from_directory
from ..utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
from . import image as image
from . import sequence as sequence
