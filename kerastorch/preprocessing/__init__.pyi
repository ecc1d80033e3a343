from . import sequence as sequence
