"""Keras's own tests, run against kerastorch or against Keras itself.

run: run them against a package and compare with what Keras passes; the result is kept for the report.
record: run them against Keras itself, the reference, and note what passes in reference-BACKEND.json.
report: write docs/parity.md of the kept results.
"""

import argparse
import collections
import datetime
import importlib.metadata
import json
import os
import sys
from pathlib import Path

from . import report, runner


def versions() -> dict[str, str]:
    """The versions that a measurement depends on."""
    names = {"keras": "Keras", "torch": "torch", "tensorflow-cpu": "TensorFlow", "jax": "jax", "numpy": "numpy"}
    found = {"Python": sys.version.split()[0]}
    for distribution, name in names.items():
        try:
            found[name] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def run(args) -> int:
    """Runs the tests and keeps what became of them file by file, so that a run that was broken off can go on."""
    recording = args.command == "record"
    target = "keras" if recording else args.target
    kept = args.results / f"{target}-{args.backend}.json"
    old = json.loads(kept.read_text())["files"] if kept.exists() and (args.resume or args.only) else {}
    result = {"target": target, "versions": versions(), "date": f"{datetime.date.today()}", "files": old}
    known = (report.reference(args.backend)["files"] if recording else old) if args.resume else {}
    files = [file for file in runner.test_files(args.only) if file not in known]

    def done(file, tests, seconds):
        result["files"][file] = tests
        kept.with_suffix(".new").write_text(json.dumps(result))
        os.replace(kept.with_suffix(".new"), kept)
        counts = collections.Counter(outcome[0] for outcome in tests.values())
        print(f"{seconds:6.0f} s  {file}  {', '.join(f'{count} {name}' for name, count in counts.items())}", flush=True)
        if recording:
            report.record(args.backend, {file: tests}, result["versions"])

    runner.run(target, args.backend, files, args.j, args.test_seconds, args.file_seconds, args.results / "logs", done)
    if recording:
        return 0
    table, ledger, complaints = report.check(args.backend, dict(sorted(result["files"].items())))
    for name, counts in sorted(table.items()):
        print(f"{name:24} {report.cell(counts)}")
    print(f"{sum(ledger.values())} are in the gap ledger", *complaints, sep="\n")
    return bool(complaints)


def write(args) -> int:
    """Writes docs/parity.md."""
    paths = {backend: args.results / f"kerastorch-{backend}.json" for backend in report.BACKENDS}
    absent = [backend for backend, path in paths.items() if not path.exists()]
    if absent:
        raise SystemExit(f"no results of kerastorch on {', '.join(absent)}: `python -m compat_tests.suite run` comes first")
    report.DOCUMENT.write_text(report.document({backend: json.loads(path.read_text()) for backend, path in paths.items()}))
    print(f"wrote {report.DOCUMENT}")
    return 0


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m compat_tests.suite", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "record"):
        command = commands.add_parser(name)
        command.add_argument("--backend", choices=report.BACKENDS, default="torch")
        command.add_argument("--only", action="append", default=[], metavar="GLOB", help="files below keras/src; repeatable")
        command.add_argument("-j", type=int, default=2, help="files at a time")
        command.add_argument("--test-seconds", type=int, default=120, help="limit for a test")
        command.add_argument("--file-seconds", type=int, default=1800, help="limit for a file")
        command.add_argument("--resume", action="store_true", help="leave out files that have a result already")
        command.set_defaults(act=run)
    commands.choices["run"].add_argument("--target", default="kerastorch", help="any package with Keras's public API")
    commands.add_parser("report").set_defaults(act=write)
    for command in commands.choices.values():
        command.add_argument("--results", type=Path, default=report.HERE / "results", help="folder of results and pytest's output")
    args = parser.parse_args(argv)
    return args.act(args)


if __name__ == "__main__":
    sys.exit(main())
