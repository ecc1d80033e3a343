"""A dictionary whose items are attributes."""

import json
from collections.abc import MutableMapping
from typing import Any


class Config(MutableMapping):
    """Named settings, read and written as attributes or as items, which can be frozen.

    Args:
        **kwargs: The settings.
    """

    def __init__(self, **kwargs):
        self.__dict__.update(_config=dict(kwargs), _frozen=False)

    @property
    def frozen(self) -> bool:
        """Whether settings can no longer be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Refuses changes from now on."""
        self.__dict__["_frozen"] = True

    def unfreeze(self) -> None:
        """Allows changes again."""
        self.__dict__["_frozen"] = False

    def as_dict(self) -> dict[str, Any]:
        """A copy as a dictionary."""
        return dict(self._config)

    def to_json(self) -> str:
        """The settings as JSON."""
        return json.dumps(self._config)

    def _changing(self, name: str) -> dict[str, Any]:
        if self._frozen:
            raise ValueError(f"Config: Cannot mutate attribute(s): the config is frozen, so {name!r} stays. Call unfreeze() first")
        return self._config

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._changing(key)[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changing(key)[key]

    def __getattr__(self, name: str) -> Any:
        config = self.__dict__.get("_config", {})
        if name not in config:
            raise AttributeError(f"Unknown attribute: {name!r}. The config has {', '.join(config) or 'none'}")
        return config[name]

    __setattr__, __delattr__ = __setitem__, __delitem__

    def __iter__(self):
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
