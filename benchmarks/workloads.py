"""The benchmark's workloads, each once against the Keras API and once as hand-written PyTorch.

Data is random but learnable; sizes are such that an epoch takes about half a second on two cores.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

VOCABULARY, LENGTH = 10_000, 200


@dataclasses.dataclass
class Workload:
    """What is trained on what.

    Attributes:
        steps, batch: Batches in an epoch, and samples in a batch.
        data: (random generator, number of samples) -> (x, y).
        keras: package -> model, not yet compiled.
        torch: () -> the same as modules written by hand, which give logits.
        optimizer: "rmsprop", "adam" or "sgd"; all with the same settings on both sides.
        loss: "sparse_categorical_crossentropy", "binary_crossentropy" or "mse".
    """

    steps: int
    batch: int
    data: Callable
    keras: Callable
    torch: Callable
    optimizer: str = "adam"
    loss: str = "sparse_categorical_crossentropy"


# ------------------------------------------------------------------------------------------------ data


def digits(rng, n):
    """Flat images, labelled by a linear rule."""
    x = rng.random((n, 784), dtype=np.float32)
    return x, ((x - 0.5) @ rng.standard_normal((784, 10))).argmax(1)


def images(*shape):
    """Noisy images of ten patterns."""

    def make(rng, n):
        y = rng.integers(0, 10, n)
        patterns = rng.random((10, *shape), dtype=np.float32)
        return (0.4 * patterns[y] + 0.6 * rng.random((n, *shape), dtype=np.float32)).astype("float32"), y

    return make


def numbers(features):
    """A noisy linear function of some numbers."""

    def make(rng, n):
        x = rng.random((n, features), dtype=np.float32)
        return x, (x @ rng.random((features, 1), dtype=np.float32) + 0.01 * rng.standard_normal((n, 1))).astype("float32")

    return make


def texts(masked=False, labels="float32"):
    """Sequences of words; frequent ones tell the class. With `masked`, they end early."""

    def make(rng, n):
        y = rng.integers(0, 2, n)
        x = rng.integers(1, VOCABULARY, (n, LENGTH))
        x = np.where((rng.random(x.shape) < 0.15) & (y[:, None] == 1), x % 50 + 1, x)
        if masked:
            x = np.where(np.arange(LENGTH) < rng.integers(LENGTH // 4, LENGTH, n)[:, None], x, 0)
        return x, y.astype(labels)

    return make


# ------------------------------------------------------------------------------------------------ Keras


def keras_mlp(keras):
    L = keras.layers
    return keras.Sequential([keras.Input((784,)), L.Dense(512, activation="relu"), L.Dropout(0.5), L.Dense(10, activation="softmax")])


def keras_small(keras):
    L = keras.layers
    return keras.Sequential([keras.Input((13,)), L.Dense(64, activation="relu"), L.Dense(64, activation="relu"), L.Dense(1)])


def keras_single(keras):
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])


def keras_convnet(keras):
    L = keras.layers
    return keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"),
        L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"), L.Flatten(), L.Dense(64, activation="relu"),
        L.Dense(10, activation="softmax")])  # fmt: skip


def keras_resnet(keras):
    L = keras.layers

    def convolved(x, filters, size=3, strides=1):
        return L.BatchNormalization()(L.Conv2D(filters, size, strides, padding="same", use_bias=False)(x))

    inputs = keras.Input((32, 32, 3))
    x = L.ReLU()(convolved(inputs, 16))
    for filters, strides in ((16, 1), (16, 1), (16, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)):
        y = convolved(L.ReLU()(convolved(x, filters, strides=strides)), filters)
        x = L.ReLU()(L.Add()([x if strides == 1 else convolved(x, filters, 1, strides), y]))
    return keras.Model(inputs, L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x)))


def keras_recurrent(masked=False):
    def make(keras):
        L = keras.layers
        return keras.Sequential([keras.Input((LENGTH,), dtype="int64"), L.Embedding(VOCABULARY, 32, mask_zero=masked), L.LSTM(32),
                                 L.Dense(1, activation="sigmoid")])  # fmt: skip

    return make


def keras_transformer(keras):
    L = keras.layers

    class Positions(L.Layer):
        def __init__(self):
            super().__init__()
            self.table = L.Embedding(LENGTH, 64)

        def call(self, x):
            return x + self.table(keras.ops.arange(LENGTH))

    inputs = keras.Input((LENGTH,), dtype="int64")
    x = Positions()(L.Embedding(VOCABULARY, 64)(inputs))
    for _ in range(2):
        x = L.LayerNormalization(epsilon=1e-5)(L.Add()([x, L.Dropout(0.1)(L.MultiHeadAttention(4, 16)(x, x))]))
        hidden = L.Dense(64)(L.Dense(128, activation="relu")(x))
        x = L.LayerNormalization(epsilon=1e-5)(L.Add()([x, L.Dropout(0.1)(hidden)]))
    return keras.Model(inputs, L.Dense(2, activation="softmax")(L.GlobalAveragePooling1D()(x)))


class KerasRun:
    """Runs a workload through the public Keras API."""

    def __init__(self, package, name):
        import importlib

        self.keras = importlib.import_module(package)
        self.keras.utils.set_random_seed(0)
        work = WORKLOADS[name]
        self.x, self.y = data(name)
        self.batch = work.batch
        self.model = work.keras(self.keras)
        optimizers = self.keras.optimizers
        optimizer = {"rmsprop": optimizers.RMSprop, "adam": optimizers.Adam, "sgd": optimizers.SGD}[work.optimizer](1e-3)
        self.model.compile(optimizer, work.loss, metrics=["mae" if work.loss == "mse" else "accuracy"])

    def first(self):
        """One step, whatever it takes to get there."""
        self.model.fit(self.x[: self.batch], self.y[: self.batch], batch_size=self.batch, verbose=0)
        self.initial = self.model.get_weights()

    def fit(self, verbose=0):
        """One epoch from the initial weights, which keeps numbers from becoming denormal."""
        self.model.set_weights(self.initial)
        return self.model.fit(self.x, self.y, batch_size=self.batch, epochs=1, verbose=verbose)

    def fit_verbose(self):
        """The same with the progress bar."""
        self.fit(verbose=1)

    def predict(self):
        """All samples."""
        self.model.predict(self.x, batch_size=128, verbose=0)

    def predict_one(self):
        """One sample, again and again."""
        one = self.x[:1]
        for _ in range(ONES):
            self.model.predict(one, verbose=0)


# ------------------------------------------------------------------------------------------------ PyTorch


def torch_mlp():
    from torch import nn

    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))


def torch_small():
    from torch import nn

    return nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))


def torch_single():
    from torch import nn

    return nn.Linear(1, 1)


def torch_convnet():
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10))  # fmt: skip


def torch_resnet():
    from torch import nn

    def convolved(before, after, size=3, stride=1):
        return nn.Sequential(nn.Conv2d(before, after, size, stride, size // 2, bias=False), nn.BatchNorm2d(after, 1e-3, 0.01))

    class Block(nn.Module):
        def __init__(self, before, after, stride):
            super().__init__()
            self.first, self.second = convolved(before, after, 3, stride), convolved(after, after)
            self.short = nn.Identity() if stride == 1 else convolved(before, after, 1, stride)

        def forward(self, x):
            return nn.functional.relu(self.second(nn.functional.relu(self.first(x))) + self.short(x))

    sizes = ((16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1))
    return nn.Sequential(convolved(3, 16), nn.ReLU(), *(Block(*s) for s in sizes), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(64, 10))  # fmt: skip


def torch_recurrent(masked=False):
    def make():
        from torch import nn

        class Tagger(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed = nn.Embedding(VOCABULARY, 32)
                self.rnn = nn.LSTM(32, 32, batch_first=True)
                self.head = nn.Linear(32, 1)

            def forward(self, x):
                vectors = self.embed(x)
                if not masked:
                    return self.head(self.rnn(vectors)[0][:, -1]).squeeze(1)
                packed = nn.utils.rnn.pack_padded_sequence(vectors, (x != 0).sum(1).cpu(), True, False)
                return self.head(self.rnn(packed)[1][0][0]).squeeze(1)

        return Tagger()

    return make


def torch_transformer():
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.project, self.out = nn.Linear(64, 3 * 64), nn.Linear(64, 64)
            self.wide, self.narrow = nn.Linear(64, 128), nn.Linear(128, 64)
            self.norms, self.drop = nn.ModuleList([nn.LayerNorm(64), nn.LayerNorm(64)]), nn.Dropout(0.1)

        def forward(self, x):
            q, k, v = (t.unflatten(-1, (4, 16)).transpose(1, 2) for t in self.project(x).chunk(3, -1))
            seen = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = self.norms[0](x + self.drop(self.out(seen)))
            return self.norms[1](x + self.drop(self.narrow(self.wide(x).relu())))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(VOCABULARY, 64), nn.Embedding(LENGTH, 64)
            self.layers, self.head = nn.Sequential(Layer(), Layer()), nn.Linear(64, 2)

        def forward(self, x):
            return self.head(self.layers(self.words(x) + self.places(torch.arange(LENGTH))).mean(1))

    return Encoder()


class TorchRun:
    """A workload as a hand-written eager PyTorch loop, metrics included."""

    def __init__(self, _, name):
        import torch
        from torch.nn import functional as F

        torch.manual_seed(0)
        work = WORKLOADS[name]
        self.torch, self.batch = torch, work.batch
        x, y = data(name)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.model = work.torch()
        if self.x.ndim == 4:
            self.x = self.x.permute(0, 3, 1, 2).contiguous()
        self.optimizer = {
            "rmsprop": lambda p: torch.optim.RMSprop(p, 1e-3, alpha=0.9, eps=1e-7, foreach=True),
            "adam": lambda p: torch.optim.Adam(p, 1e-3, eps=1e-7, fused=True),
            "sgd": lambda p: torch.optim.SGD(p, 1e-3, fused=True),
        }[work.optimizer](self.model.parameters())
        self.loss, self.measure = {
            "sparse_categorical_crossentropy": (F.cross_entropy, lambda o, t: (o.argmax(1) == t).sum()),
            "binary_crossentropy": (F.binary_cross_entropy_with_logits, lambda o, t: ((o > 0) == (t > 0.5)).sum()),
            "mse": (F.mse_loss, lambda o, t: (o - t).abs().sum()),
        }[work.loss]

    def step(self, x, y):
        self.optimizer.zero_grad(set_to_none=True)
        out = self.model(x)
        loss = self.loss(out, y)
        loss.backward()
        self.optimizer.step()
        with self.torch.no_grad():
            self.total += loss.detach() * len(y)
            self.measured += self.measure(out, y)

    def first(self):
        """One step."""
        self.model.train()
        self.total, self.measured = self.torch.zeros(()), self.torch.zeros(())
        self.step(self.x[: self.batch], self.y[: self.batch])
        self.total.item()
        self.initial = {k: v.clone() for k, v in self.model.state_dict().items()}

    def fit(self):
        """One epoch from the initial weights."""
        self.model.load_state_dict(self.initial)
        self.model.train()
        self.total, self.measured = self.torch.zeros(()), self.torch.zeros(())
        for index in self.torch.randperm(len(self.x)).split(self.batch):
            self.step(self.x[index], self.y[index])
        return self.total.item() / len(self.x)

    fit_verbose = None

    def predict(self):
        """All samples."""
        self.model.eval()
        with self.torch.inference_mode():
            return self.torch.cat([self.model(b) for b in self.x.split(128)]).numpy()

    def predict_one(self):
        """One sample, again and again: the bare call of the module."""
        self.model.eval()
        one = self.x[:1]
        for _ in range(ONES):
            with self.torch.inference_mode():
                self.model(one)


# ------------------------------------------------------------------------------------------------ all of them

ONES = 50  # calls in a round of `predict_one`

WORKLOADS = {
    "mlp": Workload(100, 128, digits, keras_mlp, torch_mlp, "rmsprop"),
    "small_1": Workload(400, 1, numbers(13), keras_small, torch_small, "rmsprop", "mse"),
    "small_16": Workload(400, 16, numbers(13), keras_small, torch_small, "rmsprop", "mse"),
    "small_512": Workload(200, 512, numbers(13), keras_small, torch_small, "rmsprop", "mse"),
    "single": Workload(1000, 1, numbers(1), keras_single, torch_single, "sgd", "mse"),
    "convnet": Workload(50, 64, images(28, 28, 1), keras_convnet, torch_convnet),
    "resnet": Workload(6, 32, images(32, 32, 3), keras_resnet, torch_resnet, "sgd"),
    "lstm": Workload(8, 128, texts(), keras_recurrent(), torch_recurrent(), "rmsprop", "binary_crossentropy"),
    "lstm_masked": Workload(8, 128, texts(True), keras_recurrent(True), torch_recurrent(True), "rmsprop", "binary_crossentropy"),
    "transformer": Workload(8, 32, texts(labels="int64"), keras_transformer, torch_transformer),
}


def data(name):
    """(x, y) of a workload as numpy arrays."""
    work = WORKLOADS[name]
    return work.data(np.random.default_rng(0), work.steps * work.batch)
