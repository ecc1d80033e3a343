"""Times kerastorch beside hand-written PyTorch and Keras 3, in one run, and prints ratios.

    python benchmarks/run.py [--only mlp,convnet,...,import,record,ops] [--rounds 5] [--against torch,keras-torch,...]

Every implementation of a workload runs in a process of its own that stays alive; rounds go through the implementations one after
the other, phase by phase, so that a slow spell of the machine falls on all of them. Ratios are taken within a round, to
hand-written PyTorch; their median is printed with the range.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
IMPLEMENTATIONS = {  # name: (package, backend)
    "torch": (None, "torch"), "kerastorch": ("kerastorch", "torch"), "kerastorch-tf": ("kerastorch", "tensorflow"),
    "keras-torch": ("keras", "torch"), "keras-tf": ("keras", "tensorflow"),
}  # fmt: skip
WORKLOADS = ("mlp", "small_1", "small_16", "small_512", "single", "convnet", "resnet", "lstm", "lstm_masked", "transformer")
PHASES = ("fit", "fit_verbose", "predict", "predict_one")


def worker(implementation, name):
    """Answers phase names on standard input with the seconds that they took."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import workloads

    package, _ = IMPLEMENTATIONS[implementation]
    start = time.perf_counter()
    run = (workloads.KerasRun if package else workloads.TorchRun)(package, name)
    run.first()
    print(json.dumps(time.perf_counter() - start), file=out, flush=True)
    for line in sys.stdin:
        phase = getattr(run, line.strip(), None)
        if phase is None:
            print("null", file=out, flush=True)
            continue
        start = time.perf_counter()
        phase()
        print(json.dumps(time.perf_counter() - start), file=out, flush=True)


def environment(backend):
    """The environment of a measured process."""
    path = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    return dict(os.environ, PYTHONPATH=path, KERAS_BACKEND=backend, KERASTORCH_BACKEND=backend, TF_CPP_MIN_LOG_LEVEL="3")


def workload(name, implementations, rounds):
    """{implementation: {phase: seconds per round}} of one workload."""
    processes, times = {}, {}
    for impl in implementations:
        process = subprocess.Popen([sys.executable, __file__, "--worker", impl, name], stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(IMPLEMENTATIONS[impl][1]))  # fmt: skip
        line = process.stdout.readline()
        if line:
            processes[impl], times[impl] = process, {"first step": [json.loads(line)]}
        else:
            print(f"{impl} failed on {name}", file=sys.stderr)
    for i in range(rounds + 1):  # the first round warms up
        for phase in PHASES:
            for impl, process in processes.items():
                process.stdin.write(phase + "\n")
                process.stdin.flush()
                seconds = json.loads(process.stdout.readline())
                if i and seconds is not None:
                    times[impl].setdefault(phase, []).append(seconds)
    for process in processes.values():
        process.kill()
        process.wait()
    return times


def show(name, times):
    """A table of ratios to hand-written PyTorch."""
    import workloads

    base = times.get("torch", {})
    print(f"\n{name}: time relative to hand-written PyTorch, median (range)")
    columns = (*PHASES, "first step")
    print(f"  {'':<15}" + "".join(f"{c:>20}" for c in columns))
    for impl, row in times.items():
        cells = []
        for phase in columns:
            values, reference = row.get(phase), base.get("fit" if phase == "fit_verbose" else phase)
            if not values or not reference:
                cells.append("-")
            elif impl == "torch":
                per, unit = {"fit": (workloads.WORKLOADS[name].steps, "/step"), "predict_one": (workloads.ONES, "")}.get(phase, (1, ""))
                cells.append(f"{1000 * statistics.median(values) / per:.3f} ms{unit}")
            else:
                ratios = [a / b for a, b in zip(values, reference)]
                spread = f" ({min(ratios):.2f}-{max(ratios):.2f})" if len(ratios) > 1 else ""
                cells.append(f"{statistics.median(ratios):.2f}{spread}")
        print(f"  {impl:<15}" + "".join(f"{c:>20}" for c in cells))


def timed(code, backend="torch", rounds=5):
    """The median of the seconds that a fresh interpreter takes for some code, or that the code itself prints."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(backend))
        took = time.perf_counter() - start
        if done.returncode:
            return None
        found.append(float(done.stdout.split()[-1]) if done.stdout.strip() else took)
    return statistics.median(found)


def importing(rounds):
    """Import times over a bare interpreter."""
    bare = timed("pass", rounds=rounds)
    print("\nimport, ms over a bare interpreter start")
    for title, code, backend in (("kerastorch", "import kerastorch", "torch"), ("torch", "import torch", "torch"),
                                 ("keras on torch", "import keras", "torch"), ("keras on tensorflow", "import keras", "tensorflow")):  # fmt: skip
        seconds = timed(code, backend, rounds)
        print(f"  {title:<22}{'-' if seconds is None else f'{1000 * (seconds - bare):8.0f}'}")


def recording(rounds):
    """Time to record a chain of 1,000 Dense layers."""
    code = ("import time, {0} as keras; from {0} import layers; keras.Input((16,)); layers.Dense(1)\n"
            "t = time.perf_counter(); x = i = keras.Input((16,))\n"
            "for _ in range(1000): x = layers.Dense(16, activation='relu')(x)\n"
            "keras.Model(i, x); print(time.perf_counter() - t)")  # fmt: skip
    print("\nrecording 1,000 Dense layers, s")
    for title, package, backend in (("kerastorch", "kerastorch", "torch"), ("keras on torch", "keras", "torch"),
                                    ("keras on tensorflow", "keras", "tensorflow")):  # fmt: skip
        seconds = timed(code.format(package), backend, min(rounds, 3))
        print(f"  {title:<22}{'-' if seconds is None else f'{seconds:8.3f}'}")


def eager_ops():
    """What an eager op costs over the bare call of the framework's function."""
    print("\none eager op over the framework's own function, microseconds (bare call)")
    for backend in ("torch", "tensorflow"):
        done = subprocess.run([sys.executable, HERE / "eager_ops.py", backend], capture_output=True, text=True, env=environment(backend))
        found = json.loads(done.stdout) if not done.returncode else {}
        print(f"  {backend:<22}" + "".join(f"{name:>10} {ours - bare:+.2f} ({bare:.2f})" for name, (bare, ours) in found.items()))


def main():
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join((*WORKLOADS, "import", "record", "ops", "saving")))
    parser.add_argument("--against", default=",".join(IMPLEMENTATIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(*args.worker)
    sys.path.insert(0, str(HERE))
    for name in args.only.split(","):
        if name == "import":
            importing(args.rounds)
        elif name == "record":
            recording(args.rounds)
        elif name == "ops":
            eager_ops()
        elif name == "saving":
            import saving

            saving.show(rounds=args.rounds)
        else:
            show(name, workload(name, args.against.split(","), args.rounds))


if __name__ == "__main__":
    main()
