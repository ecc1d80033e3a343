"""What Keras passes, what the package under test passes of that, and docs/parity.md that says so."""

import collections
import fnmatch
import json
from pathlib import Path

from compat_tests.gaps import SUITE

from . import VERSION

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "parity.md"
BACKENDS = ("torch", "tensorflow")
KINDS = {"notimpl": "Owed", "notyet": "The framework cannot yet", "never": "Will not be"}
LOST = "(file not loaded or out of time)"


def group(file: str) -> str:
    """The row of the table that a test file belongs to."""
    first = file.split("/")[0]
    return "layers/preprocessing" if file.startswith("layers/preprocessing/") else first


# ----------------------------------------------------------------------------------------------------------- the reference


def summary(tests: dict[str, list]) -> dict:
    """How many of a file's tests pass, and which do not: ids, or their common beginning and `*`, by outcome."""
    passed = sorted(test for test, outcome in tests.items() if outcome[0] == "pass")
    others: dict[str, set[str]] = {}
    for test, outcome in tests.items():
        if outcome[0] != "pass":
            ends = [at for at, letter in enumerate(test) if letter in "_:" and at and test[at - 1] != ":"]
            short = next((test[:at] + "*" for at in ends if not any(good.startswith(test[:at]) for good in passed)), test)
            others.setdefault(outcome[0], set()).add(short)
    return {"passed": len(passed), **{outcome: sorted(ids) for outcome, ids in sorted(others.items())}}


def reference_file(backend: str) -> Path:
    return HERE / f"reference-{backend}.json"


def reference(backend: str) -> dict:
    """What Keras passes: `{"versions": ..., "files": {file: summary}}`."""
    path = reference_file(backend)
    return json.loads(path.read_text()) if path.exists() else {"versions": {}, "files": {}}


def record(backend: str, files: dict[str, dict], versions: dict[str, str]):
    """Adds what Keras passes to the reference, one line for a file."""
    known = reference(backend)["files"] | {file: summary(tests) for file, tests in files.items()}
    lines = ",\n".join(f"{json.dumps(file)}: {json.dumps(known[file])}" for file in sorted(known))
    reference_file(backend).write_text(f'{{"versions": {json.dumps(versions)},\n"files": {{\n{lines}\n}}}}\n')


# ---------------------------------------------------------------------------------------------------------- the comparison


def compare(known: dict, tests: dict[str, list]) -> tuple[int, dict[str, str]]:
    """How many tests of a file pass of those that pass in Keras, and why the others do not, by id."""
    patterns = [pattern for kind, ids in known.items() if kind != "passed" for pattern in ids]
    exact = {pattern for pattern in patterns if not pattern.endswith("*")}
    begins = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
    counted = {id: outcome for id, outcome in tests.items() if id and id not in exact and not id.startswith(begins)}
    good = sum(outcome[0] == "pass" for outcome in counted.values())
    lost = {test: ": ".join(outcome) for test, outcome in counted.items() if outcome[0] != "pass"}
    absent = known["passed"] - len(counted)
    return good, lost | ({f"{LOST} x {absent}": ": ".join(tests.get("", ["absent"]))} if absent > 0 else {})


def entries(backend: str, file: str, test: str) -> list[tuple]:
    """The keys of the gap ledger that name a test; their last part is how its id ends."""
    return [key for key in SUITE if backend in key[0] and fnmatch.fnmatch(file, key[1]) and fnmatch.fnmatch(test, "*" + key[2])]


def check(backend: str, files: dict[str, dict]) -> tuple[dict[str, list[int]], dict[tuple, int], list[str]]:
    """Compares a run with the reference and the ledger.

    Args:
        backend: The backend that ran.
        files: What `runner.run` gives.

    Returns:
        `{group: [passed, passed by Keras]}`; how many tests each of the ledger's keys accounts for; and complaints: tests that
        fail without being in the ledger, keys of the ledger of which no test fails, files that Keras has not been run on.
    """
    known, table, ledger, complaints = reference(backend)["files"], {}, collections.Counter(), []
    for file, tests in files.items():
        if file not in known:
            complaints.append(f"{file}: not recorded for Keras")
            continue
        good, lost = compare(known[file], tests)
        row = table.setdefault(group(file), [0, 0])
        row[0] += good
        row[1] += known[file]["passed"]
        for test, why in lost.items():
            keys = entries(backend, file, test)
            ledger.update({key: int(test.rsplit(" x ", 1)[1]) if test.startswith(LOST) else 1 for key in keys[:1]})
            if not keys:
                complaints.append(f"{file} {test}: fails and is not in the ledger: {why}")
    for key in SUITE:
        ran = [file for file in known if fnmatch.fnmatch(file, key[1])]
        if backend in key[0] and key not in ledger and ran and all(file in files for file in ran):
            complaints.append(f"{key[1:]}: in the ledger, and nothing of it fails on {backend}")
    return table, dict(ledger), complaints


# ------------------------------------------------------------------------------------------------------------ the document


def cell(counts: list[int] | None) -> str:
    good, of = counts or (0, 0)
    return f"{good} of {of} ({100 * good / of:.1f}%)" if of else "none"


def document(results: dict[str, dict]) -> str:
    """docs/parity.md of `{backend: {"versions": ..., "date": ..., "files": ...}}`."""
    checked = {backend: check(backend, result["files"]) for backend, result in results.items()}
    groups = sorted({name for table, _, _ in checked.values() for name in table})
    lines = [
        "# Parity with Keras",
        "",
        "<!-- Written by `python -m compat_tests.suite report`; edit nothing here. -->",
        "",
        f"Of the tests that Keras {VERSION} ships for itself, those that Keras passes when they see only its public names, and how many",
        "of them kerastorch passes. The others (they look into Keras, or need what is not installed) count for neither.",
        "",
        f"| tests below `keras/src` | {' | '.join(checked)} |",
        "|---|" + "---:|" * len(checked),
    ]
    for name in groups:
        lines.append(f"| {name} | {' | '.join(cell(table.get(name)) for table, _, _ in checked.values())} |")
    totals = [[sum(counts) for counts in zip(*table.values())] for table, _, _ in checked.values()]
    lines += [f"| **all** | {' | '.join(map(cell, totals))} |", "", "## What does not pass, and why", ""]
    for kind, title in KINDS.items():
        reasons: dict[str, list[int]] = {}
        for at, (_, ledger, _) in enumerate(checked.values()):
            for key, count in ledger.items():
                if SUITE[key].kind == kind:
                    reasons.setdefault(SUITE[key].why, [0] * len(checked))[at] += count
        if reasons:
            lines += [f"| {title} | {' | '.join(checked)} |", "|---|" + "---:|" * len(checked)]
            ranked = sorted(reasons.items(), key=lambda item: (-sum(item[1]), item[0]))
            lines += [f"| {why} | {' | '.join(map(str, counts))} |" for why, counts in ranked] + [""]
    unexplained = [sum(of - good for good, of in table.values()) - sum(ledger.values()) for table, ledger, _ in checked.values()]
    if any(count > 0 for count in unexplained):
        lines += [f"Not yet accounted for: {', '.join(f'{count} on {name}' for name, count in zip(checked, unexplained))}.", ""]
    lines += ["## Measured with", "", f"| | {' | '.join(checked)} |", "|---|" + "---|" * len(checked)]
    lines.append(f"| date | {' | '.join(result['date'] for result in results.values())} |")
    for name in dict.fromkeys(name for result in results.values() for name in result["versions"]):
        lines.append(f"| {name} | {' | '.join(result['versions'].get(name, '') for result in results.values())} |")
    return "\n".join(lines) + "\n"
