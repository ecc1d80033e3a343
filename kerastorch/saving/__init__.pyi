from .objects import CustomObjectScope as CustomObjectScope
from .objects import custom_object_scope as custom_object_scope
from .objects import deserialize_keras_object as deserialize_keras_object
from .objects import get_custom_objects as get_custom_objects
from .objects import get_registered_name as get_registered_name
from .objects import get_registered_object as get_registered_object
from .objects import register_keras_serializable as register_keras_serializable
from .objects import serialize_keras_object as serialize_keras_object
