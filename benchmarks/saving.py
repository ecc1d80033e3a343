"""Times saving and loading of large models beside what h5py and safetensors take by hand, and prints ratios.

    python benchmarks/saving.py [--size 500] [--rounds 5] [--folder /dev/shm] [--against bare,kerastorch,keras-torch,...]

By hand means what a program without kerastorch does for the same file: the weights of torch's linear layers are turned into Keras's
layout and written by h5py into an HDF5 file (for `.keras` into one in memory, which zipfile puts into an archive), or as they are
into a safetensors file, which is then synchronised to the disk as kerastorch's files are; and read and copied back into these
layers. "bare" is the same without turning: h5py writes arrays and reads into arrays that lie ready in the layout of the file. Every implementation runs in a process of its own; rounds go through them in turns, and
the least of the rounds counts. The peak of a load is memory beyond the model and what the process had before, in units of the
weights. Files are read from the page cache, so a disk's own speed does not hide what the library takes; a folder in memory
(`/dev/shm`) keeps it from hiding what writing takes.
"""

import argparse
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zipfile

import h5py

FORMATS = (".weights.h5", ".keras", ".h5", ".safetensors")
WIDTH = 2048


def layers_for(megabytes):
    """How many square layers make a model of that size."""
    return max(1, round(megabytes * 1e6 / (4 * WIDTH * (WIDTH + 1))))


class Library:
    """Saving and loading by a package of the Keras API."""

    def __init__(self, package, megabytes):
        self.keras = keras = __import__(package)
        layers = [keras.layers.Dense(WIDTH, activation="relu") for _ in range(layers_for(megabytes))]
        self.model = keras.Sequential([keras.Input((WIDTH,)), *layers])
        self.model.predict(keras.ops.ones((1, WIDTH)), verbose=0)

    def save(self, path):
        """Writes the file."""
        if path.endswith((".weights.h5", ".safetensors")):
            self.model.save_weights(path)
        else:
            self.model.save(path)

    def load(self, path):
        """Sets the weights from the file; of a whole model's file, those alone."""
        self.model.load_weights(path)


class Hand:
    """The same by hand, on parameters of torch's; `turns` where these have another layout than the file."""

    def __init__(self, megabytes, turns=True):
        import torch

        self.torch, self.turns = torch, turns
        self.parameters = {f"{i}": torch.rand(WIDTH, WIDTH) for i in range(layers_for(megabytes))}
        self.parameters |= {f"{i}b": torch.rand(WIDTH) for i in range(layers_for(megabytes))}

    def save(self, path):
        """Writes the file."""
        if path.endswith(".safetensors"):
            self._save_safetensors(path)
        elif path.endswith(".keras"):
            content = io.BytesIO()
            self._save_hdf5(content)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("model.weights.h5", content.getbuffer())
        else:
            self._save_hdf5(path)
        with open(path, "rb+") as file:
            os.fsync(file.fileno())

    def _save_hdf5(self, target):
        with h5py.File(target, "w") as file:
            for name, value in self.parameters.items():
                file.create_dataset(name, data=(value.t().contiguous() if self.turns else value).numpy())

    def _save_safetensors(self, path):
        header, place = {}, 0
        for name, value in self.parameters.items():
            header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [place, place + value.nbytes]}
            place += value.nbytes
        text = json.dumps(header).encode()
        with open(path, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for value in self.parameters.values():
                file.write(value.numpy().data)

    def load(self, path):
        """Reads the file into the parameters."""
        if path.endswith(".safetensors"):
            with open(path, "rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
                for name in header:
                    file.readinto(self.parameters[name].numpy().data)
        elif path.endswith(".keras"):
            with zipfile.ZipFile(path) as archive:
                self._load_hdf5(io.BytesIO(archive.read("model.weights.h5")))
        else:
            self._load_hdf5(path)

    def _load_hdf5(self, source):
        with h5py.File(source) as file:
            for name, value in self.parameters.items():
                if self.turns:
                    value.copy_(self.torch.from_numpy(file[name][()]).t())
                else:
                    file[name].read_direct(value.numpy())


IMPLEMENTATIONS = {"hand": ("hand", "torch"), "bare": ("hand", "torch"), "kerastorch": ("kerastorch", "torch"),
                   "kerastorch-tf": ("kerastorch", "tensorflow"), "keras-torch": ("keras", "torch"),
                   "keras-tf": ("keras", "tensorflow")}  # fmt: skip


def memory(key):
    """A number of this process's memory in bytes, by the name that Linux gives it."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def worker(implementation, megabytes):
    """Answers "save PATH" and "load PATH" on standard input with the seconds that it took and the peak of memory beyond before."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    package = IMPLEMENTATIONS[implementation][0]
    run = Hand(megabytes, implementation == "hand") if package == "hand" else Library(package, megabytes)
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        what, path = line.split()
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is there now
        before, start = memory("VmRSS:"), time.perf_counter()
        try:
            getattr(run, what)(path)
            answer = [time.perf_counter() - start, memory("VmHWM:") - before]
        except ValueError as error:
            print(f"{implementation}: {error}", file=sys.stderr)
            answer = None
        print(json.dumps(answer), file=out, flush=True)


def measure(implementations, formats, megabytes, rounds, folder):
    """{(implementation, format, "save" or "load"): (least seconds, most bytes)} of all rounds."""
    from run import environment

    processes, best = {}, {}
    for name in implementations:
        command = [sys.executable, __file__, "--worker", name, "--size", str(megabytes)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   env=environment(IMPLEMENTATIONS[name][1]))  # fmt: skip
        if process.stdout.readline():
            processes[name] = process
        else:
            print(f"{name} failed", file=sys.stderr)
    for form in formats:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for _ in range(rounds):
                for what in ("save", "load"):
                    for name, process in processes.items():
                        process.stdin.write(f"{what} {place}/{name}{form}\n")
                        process.stdin.flush()
                        answer = json.loads(process.stdout.readline())
                        if answer is not None:
                            key = name, form, what
                            seconds, peak = best.get(key, answer)
                            best[key] = min(seconds, answer[0]), max(peak, answer[1])
    for process in processes.values():
        process.kill()
        process.wait()
    return best


def show(megabytes=500, rounds=5, folder=None, implementations=("hand", "bare", "kerastorch", "keras-torch"), formats=FORMATS):
    """A table of ratios to what is done by hand."""
    best = measure(implementations, formats, megabytes, rounds, folder)
    bytes_of_weights = layers_for(megabytes) * 4 * WIDTH * (WIDTH + 1)
    print(f"\nsaving and loading {megabytes} MB of weights: time relative to h5py or safetensors by hand, least of {rounds} rounds")
    print(f"  {'':<15}" + "".join(f"{form:>26}" for form in formats) + "\n" + f"  {'':<15}" + f"{'save  load (peak)':>26}" * len(formats))
    for name in implementations:
        cells = []
        for form in formats:
            found = [(best.get((name, form, what)), best.get(("hand", form, what))) for what in ("save", "load")]
            if None in (x for pair in found for x in pair):
                cells.append("-")
                continue
            texts = [f"{a[0]:.2f} s" if name == "hand" else f"{a[0] / b[0]:.2f}" for a, b in found]
            cells.append(f"{texts[0]}  {texts[1]} ({found[1][0][1] / bytes_of_weights:.2f})")
        print(f"  {name:<15}" + "".join(f"{c:>26}" for c in cells))


def main():
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=500, help="megabytes of weights")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the files are written; by default the system's folder for temporary files")
    parser.add_argument("--against", default="bare,kerastorch,keras-torch")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker, args.size)
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    show(args.size, args.rounds, args.folder, ("hand", *args.against.split(",")), args.formats.split(","))


if __name__ == "__main__":
    main()
