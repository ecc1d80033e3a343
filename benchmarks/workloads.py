"""The benchmark's workloads, each once against the Keras API and once as hand-written PyTorch.

Data is random but learnable; sizes are such that an epoch takes about half a second on two cores.
"""

import numpy as np

STEPS, BATCH = (
    {"mlp": 100, "convnet": 50, "lstm": 8, "lstm_masked": 8},
    {"mlp": 128, "convnet": 64, "lstm": 128, "lstm_masked": 128},
)
VOCABULARY, LENGTH = 10_000, 200


def data(name):
    """(x, y) of a workload as numpy arrays."""
    rng = np.random.default_rng(0)
    n = STEPS[name] * BATCH[name]
    if name == "mlp":
        x = rng.random((n, 784), dtype=np.float32)
        return x, ((x - 0.5) @ rng.standard_normal((784, 10))).argmax(1)
    if name == "convnet":
        y = rng.integers(0, 10, n)
        patterns = rng.random((10, 28, 28, 1), dtype=np.float32)
        return (0.4 * patterns[y] + 0.6 * rng.random((n, 28, 28, 1), dtype=np.float32)).astype("float32"), y
    y = rng.integers(0, 2, n)
    x = rng.integers(1, VOCABULARY, (n, LENGTH))
    x = np.where((rng.random(x.shape) < 0.15) & (y[:, None] == 1), x % 50 + 1, x)
    if name == "lstm_masked":
        lengths = rng.integers(LENGTH // 4, LENGTH, n)
        x = np.where(np.arange(LENGTH) < lengths[:, None], x, 0)
    return x, y.astype("float32")


# ------------------------------------------------------------------------------------------------ Keras


def keras_model(keras, name):
    """The compiled model of a workload, by whichever package is given as `keras`."""
    L = keras.layers
    if name == "mlp":
        model = keras.Sequential([keras.Input((784,)), L.Dense(512, activation="relu"), L.Dropout(0.5),
                                  L.Dense(10, activation="softmax")])  # fmt: skip
        model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    elif name == "convnet":
        model = keras.Sequential([
            keras.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"),
            L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"), L.Flatten(), L.Dense(64, activation="relu"),
            L.Dense(10, activation="softmax")])  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    else:
        model = keras.Sequential([keras.Input((LENGTH,), dtype="int64"), L.Embedding(VOCABULARY, 32, mask_zero=name == "lstm_masked"),
                                  L.LSTM(32), L.Dense(1, activation="sigmoid")])  # fmt: skip
        model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


class KerasRun:
    """Runs a workload through the public Keras API."""

    def __init__(self, package, name):
        import importlib

        self.keras = importlib.import_module(package)
        self.keras.utils.set_random_seed(0)
        self.x, self.y = data(name)
        self.batch = BATCH[name]
        self.model = keras_model(self.keras, name)

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


# ------------------------------------------------------------------------------------------------ PyTorch


def torch_model(name):
    """The modules of a workload as one writes them by hand."""
    import torch
    from torch import nn

    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))
    if name == "convnet":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10))  # fmt: skip

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(VOCABULARY, 32)
            self.rnn = nn.LSTM(32, 32, batch_first=True)
            self.head = nn.Linear(32, 1)

        def forward(self, x):
            vectors = self.embed(x)
            if name == "lstm":
                return self.head(self.rnn(vectors)[0][:, -1]).squeeze(1)
            packed = nn.utils.rnn.pack_padded_sequence(vectors, (x != 0).sum(1).cpu(), True, False)
            return self.head(self.rnn(packed)[1][0][0]).squeeze(1)

    del torch
    return Tagger()


class TorchRun:
    """A workload as a hand-written eager PyTorch loop, metrics included."""

    def __init__(self, _, name):
        import torch
        from torch.nn import functional as F

        torch.manual_seed(0)
        self.torch, self.batch, self.name = torch, BATCH[name], name
        x, y = data(name)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.model = torch_model(name)
        if name == "convnet":
            self.x = self.x.permute(0, 3, 1, 2).contiguous()
            self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, eps=1e-7, fused=True)
        else:
            self.optimizer = torch.optim.RMSprop(self.model.parameters(), 1e-3, alpha=0.9, eps=1e-7, foreach=True)
        binary = name.startswith("lstm")
        self.loss = F.binary_cross_entropy_with_logits if binary else F.cross_entropy
        self.correct = (lambda o, t: ((o > 0) == (t > 0.5)).sum()) if binary else (lambda o, t: (o.argmax(1) == t).sum())

    def step(self, x, y):
        self.optimizer.zero_grad(set_to_none=True)
        out = self.model(x)
        loss = self.loss(out, y)
        loss.backward()
        self.optimizer.step()
        with self.torch.no_grad():
            self.total += loss.detach() * len(y)
            self.hits += self.correct(out, y)

    def first(self):
        """One step."""
        self.model.train()
        self.total, self.hits = self.torch.zeros(()), self.torch.zeros(())
        self.step(self.x[: self.batch], self.y[: self.batch])
        self.total.item()
        self.initial = {k: v.clone() for k, v in self.model.state_dict().items()}

    def fit(self):
        """One epoch from the initial weights."""
        self.model.load_state_dict(self.initial)
        self.model.train()
        self.total, self.hits = self.torch.zeros(()), self.torch.zeros(())
        for index in self.torch.randperm(len(self.x)).split(self.batch):
            self.step(self.x[index], self.y[index])
        return self.total.item() / len(self.x)

    fit_verbose = None

    def predict(self):
        """All samples."""
        self.model.eval()
        with self.torch.inference_mode():
            return self.torch.cat([self.model(b) for b in self.x.split(128)]).numpy()
