"""What stands in for compiled operators that are not installed."""

import types


class NoOperators(types.ModuleType):
    """Stands in for mmcv's compiled operators, which mmcv-lite does not have and a BEiT does not use: they can be imported, and fail where they are called."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def operator(*_, **__):
            raise NotImplementedError(f"mmcv's compiled operator {name}")
        return operator
