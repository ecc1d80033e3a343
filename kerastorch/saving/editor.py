"""Looking into the weights in a file, comparing them with a model, and changing what they are called."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerastorch.errors import near
from kerastorch.saving import archive, hdf5, shards, weights
from kerastorch.saving.atomic import replacing
from kerastorch.utils.io import print_msg
from kerastorch.variable import host_array

Tree = dict[str, Any]  # names to arrays, or to such dictionaries


class KerasFileEditor:
    """The weights of a `.keras`, `.weights.h5` or `.weights.json` file, to be looked at and changed; the file stays as it is.

    Args:
        filepath: The file.

    Attributes:
        weights_dict: The weights by the objects that have them, in nested dictionaries.
        metadata: What a `.keras` file says of itself.
        config: The model's configuration in a `.keras` file.

    Raises:
        ValueError: If the file is no such file, or is damaged or hostile.
    """

    def __init__(self, filepath):
        self.filepath = os.fspath(filepath)
        self.metadata = self.config = self.model = None
        if self.filepath.endswith(".keras"):
            with archive.opened(self.filepath) as source, source.weights() as groups:
                self.metadata = archive.parsed(source.text(archive.METADATA), f"{self.filepath}: {archive.METADATA}")
                self.config = archive.parsed(source.text(archive.CONFIG), f"{self.filepath}: {archive.CONFIG}")
                self._take(groups)
        elif self.filepath.endswith((".weights.h5", shards.INDEX)):
            reading = shards.reading if self.filepath.endswith(shards.INDEX) else hdf5.reading
            with reading(self.filepath) as groups:
                self._take(groups)
        else:
            raise ValueError(f"KerasFileEditor: {self.filepath!r} must end in '.keras', '.weights.h5' or '.weights.json'")

    def _take(self, groups: hdf5.Groups) -> None:
        self.weights_dict: Tree = {}
        self.object_metadata: dict[str, Any] = {}
        for group, store in groups.items():
            place = self.weights_dict
            for part in group.removesuffix("vars").strip("/").split("/"):
                place = place.setdefault(part, {}) if part else place
            for key, dataset in store.items():
                for problem in dataset.suspicious(f"{group}/{key}"):
                    raise ValueError(f"{self.filepath}: {problem}")
                place[key] = np.array(dataset.read())

    # ---------------------------------------------------------------- looking

    def summary(self):
        """Prints the objects in the file with their weights' shapes and dtypes."""
        print_msg(f"Keras file {self.filepath!r}")
        if self.metadata:
            print_msg(f"Written by Keras {self.metadata.get('keras_version')} on {self.metadata.get('date_saved')}")
        for line in _lines(self.weights_dict, "  "):
            print_msg(line)

    def compare(self, reference_model):
        """Prints how the file differs from what a model would write.

        Args:
            reference_model: A built model.

        Returns:
            {"status": "success" or "error", "error_count": number, "match_count": number of weights that fit}.
        """
        wanted: Tree = {}

        def collect(group: str, arrays: Mapping[str, Any], _: Any) -> None:
            place = wanted
            for part in group.removesuffix("vars").strip("/").split("/"):
                place = place.setdefault(part, {}) if part else place
            place.update((k, host_array(v)) for k, v in arrays.items())

        weights.write_all(reference_model, collect)
        problems = list(_differences(wanted, self.weights_dict, ""))
        matches = sum(1 for path, w in _leaves(wanted) if getattr(_at(self.weights_dict, path), "shape", None) == w.shape)
        for problem in problems:
            print_msg(problem)
        print_msg(f"{matches} weights fit, and there are {len(problems)} differences" if problems else f"All {matches} weights fit")
        return {"status": "error" if problems else "success", "error_count": len(problems), "match_count": matches}

    # ---------------------------------------------------------------- changing

    def _find(self, name: str) -> tuple[Tree, str]:
        """The dictionary around an object, and its key there; by path, or by a name that only one object has.

        Raises:
            ValueError: If there is no such object, or several have the name.
        """
        path = name.strip("/").split("/")
        found = [(around, key) for way, around, key in _objects(self.weights_dict, ()) if way == tuple(path)]
        if not found and len(path) == 1:
            found = [(around, key) for way, around, key in _objects(self.weights_dict, ()) if key == name]
        if len(found) != 1:
            known = ["/".join(way) for way, _, _ in _objects(self.weights_dict, ())]
            why = "does not have" if not found else f"has {len(found)} times; give its path"
            raise ValueError(f"KerasFileEditor: object {name!r}, which {self.filepath} {why}.{near(name, known)}")
        return found[0]

    def rename_object(self, object_name, new_name):
        """Gives an object another name among those beside it.

        Args:
            object_name: Its path, or its name where only one object has it.
            new_name: The new name; no path.

        Raises:
            ValueError: If there is no such object, the new name is taken, or it is a path.
        """
        around, key = self._find(object_name)
        if "/" in new_name or new_name in around:
            raise ValueError(f"KerasFileEditor: {object_name!r} cannot be renamed {new_name!r}: that is taken, or a path")
        items = [(new_name if k == key else k, v) for k, v in around.items()]
        around.clear()
        around.update(items)

    def delete_object(self, object_name):
        """Takes an object with its weights, and those of the objects in it, out.

        Raises:
            ValueError: If there is no such object.
        """
        around, key = self._find(object_name)
        del around[key]

    def add_object(self, object_path, weights):
        """Puts a new object in.

        Args:
            object_path: Its path; the object around it must exist.
            weights: Its weights by their names, "0", "1", ...

        Raises:
            ValueError: If there is such an object already, or none around it.
        """
        *way, name = object_path.strip("/").split("/")
        around = _at(self.weights_dict, way)
        if not isinstance(around, dict) or name in around:
            why = "exists already" if isinstance(around, dict) else f"needs {'/'.join(way)!r}, which does not exist"
            raise ValueError(f"KerasFileEditor: the object {object_path!r} {why}")
        around[name] = {k: host_array(v) for k, v in weights.items()}

    def add_weights(self, object_name, weights):
        """Adds weights to an object.

        Raises:
            ValueError: If there is no such object, or it has a weight of one of the names.
        """
        around, key = self._find(object_name)
        taken = weights.keys() & around[key].keys()
        if taken:
            raise ValueError(f"KerasFileEditor: the object {object_name!r} has a weight {min(taken)!r} already")
        around[key].update((k, host_array(v)) for k, v in weights.items())

    def delete_weight(self, object_name, weight_name):
        """Takes a weight out of an object.

        Raises:
            ValueError: If there is no such object or weight.
        """
        around, key = self._find(object_name)
        if weight_name not in around[key]:
            known = [k for k, v in around[key].items() if not isinstance(v, dict)]
            raise ValueError(f"KerasFileEditor: the object {object_name!r} has no weight {weight_name!r}; it has {known}")
        del around[key][weight_name]

    def save(self, filepath):
        """Writes the weights as they are now to another file, which ends in `.weights.h5`.

        Raises:
            ValueError: For another ending.
        """
        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise ValueError(f"KerasFileEditor: the name of the file must end in '.weights.h5', not {path!r}")
        with replacing(path) as temporary, hdf5.create(temporary) as file:
            for way, around, key in [((), {"": self.weights_dict}, ""), *_objects(self.weights_dict, ())]:
                arrays = {k: v for k, v in around[key].items() if not isinstance(v, dict)}
                if arrays:
                    hdf5.write(file, "/".join((*way, "vars")), arrays, {"name": key})

    def resave_weights(self, filepath):
        """The same as `save`."""
        self.save(filepath)


def _objects(tree: Tree, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Tree, str]]:
    """All objects: the way to each, the dictionary around it, its key there."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield (*way, key), tree, key
            yield from _objects(value, (*way, key))


def _leaves(tree: Tree, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*way, key))
        else:
            yield (*way, key), value


def _at(tree: Tree, way: Any) -> Any:
    place: Any = tree
    for part in way:
        place = place.get(part) if isinstance(place, dict) else None
    return place


def _differences(wanted: Tree, found: Tree, path: str) -> Iterator[str]:
    for key in (*wanted, *(k for k in found if k not in wanted)):
        name = f"{path}/{key}"
        one = wanted.get(key), found.get(key)
        if key not in found or key not in wanted:
            what = "object" if isinstance(one[key not in wanted], dict) else "weight"
            if what == "weight" or any(True for _ in _leaves(one[key not in wanted])):
                yield f"The {what} {name} is only in the {'file' if key in found else 'model'}"
        elif isinstance(one[0], dict) and isinstance(one[1], dict):
            yield from _differences(one[0], one[1], name)
        elif getattr(one[0], "shape", None) != getattr(one[1], "shape", None):
            shapes = [getattr(w, "shape", "an object") for w in one]
            yield f"The weight {name} has shape {shapes[1]} in the file, and {shapes[0]} in the model"


def _lines(tree: Tree, indent: str) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"{indent}{key}"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: shape={tuple(value.shape)}, dtype={value.dtype}"
