"""The loss functions that Keras lists among the metrics too."""

from kerastorch.losses.functions import binary_crossentropy as binary_crossentropy
from kerastorch.losses.functions import binary_focal_crossentropy as binary_focal_crossentropy
from kerastorch.losses.functions import categorical_crossentropy as categorical_crossentropy
from kerastorch.losses.functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from kerastorch.losses.functions import categorical_hinge as categorical_hinge
from kerastorch.losses.functions import hinge as hinge
from kerastorch.losses.functions import huber as huber
from kerastorch.losses.functions import kl_divergence as kl_divergence
from kerastorch.losses.functions import log_cosh as log_cosh
from kerastorch.losses.functions import mean_absolute_error as mean_absolute_error
from kerastorch.losses.functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from kerastorch.losses.functions import mean_squared_error as mean_squared_error
from kerastorch.losses.functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from kerastorch.losses.functions import poisson as poisson
from kerastorch.losses.functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from kerastorch.losses.functions import squared_hinge as squared_hinge
