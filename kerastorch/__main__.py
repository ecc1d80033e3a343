"""`python -m kerastorch`: runs a Keras program, unedited, on kerastorch.

usage: python -m kerastorch [--backend NAME] script.py [args ...]
       python -m kerastorch [--backend NAME] -m module [args ...]
       python -m kerastorch info
"""

import argparse
import os
import platform
import runpy
import sys
import types
from collections.abc import Callable
from importlib import metadata

DISTRIBUTION = "kerastorch-framework"


def info(args: list[str]) -> int:
    """Prints the versions of kerastorch and of what it runs on, and the devices at hand."""
    import kerastorch
    from kerastorch import backend_registry

    api = f"API of Keras {kerastorch.__version__}"
    print(f"kerastorch {_version(DISTRIBUTION)} ({api}), Python {platform.python_version()}")
    default = backend_registry.default_name()
    for name in backend_registry.names():
        mark = " (default)" if name == default else ""
        if backend_registry.installed(name):
            backend = backend_registry.get(name)
            versions = ", ".join(f"{package} {_version(package)}" for package in backend.packages)
            print(f"backend {name}{mark}: {versions}; devices {', '.join(backend.devices())}")
        else:
            print(f"backend {name}{mark}: not installed")
    return 0


# Name of a subcommand -> what it does with the arguments after it, giving the exit code.
COMMANDS: dict[str, Callable[[list[str]], int]] = {"info": info}


def main(argv: list[str]) -> int:
    """Does what the command line says and returns the exit code."""
    options = _parser().parse_args(argv)
    if options.backend:
        from kerastorch import backend_registry

        try:
            backend_registry.set_default(options.backend)
        except ValueError as error:
            _parser().error(f"--backend: {error}")
        os.environ["KERASTORCH_BACKEND"] = options.backend  # for processes that the program starts
    if options.module:
        return run(options.module[0], options.module[1:], as_module=True)
    if options.target is None:
        _parser().print_help(sys.stderr)
        return 2
    if options.target in COMMANDS:
        return COMMANDS[options.target](options.args)
    return run(options.target, options.args)


def run(target: str, args: list[str], as_module: bool = False) -> int:
    """Runs a script (or a folder or archive with a `__main__.py`), or a module by name, as Python itself would.

    Imports of Keras by the program give kerastorch.
    """
    from kerastorch.legacy.aliasing import install

    if not as_module and not os.path.exists(target):
        print(f"python -m kerastorch: there is no file {os.path.abspath(target)!r}", file=sys.stderr)
        return 2
    install()
    sys.excepthook = _without_own_frames(sys.excepthook)
    sys.argv = [target, *args]
    if as_module:
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    else:
        if not sys.flags.safe_path:
            sys.path[0] = target if os.path.isdir(target) else os.path.dirname(os.path.realpath(target))
        runpy.run_path(os.path.abspath(target), run_name="__main__")
    return 0


def _without_own_frames(hook: Callable) -> Callable:
    """An exception hook that leaves out the frames above the program's first one."""

    def show(kind: type, error: BaseException, trace: types.TracebackType | None) -> None:
        inner = trace
        while inner is not None and inner.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>", runpy.__file__):
            inner = inner.tb_next
        hook(kind, error.with_traceback(inner), inner)

    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kerastorch",
        usage="python -m kerastorch [--backend NAME] (script.py | -m module | command) [args ...]",
        description="Runs a Keras program, unedited, on kerastorch.",
        epilog=f"commands: {', '.join(f'{name}: {_summary(command)}' for name, command in COMMANDS.items())}",
    )
    parser.add_argument("--backend", metavar="NAME", help="the framework to run on")
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="run a module by name")
    parser.add_argument("target", nargs="?", metavar="script.py | command", help="the program, or a command")
    parser.add_argument("args", nargs=argparse.REMAINDER, metavar="args", help="arguments for the program")
    return parser


def _summary(command: Callable) -> str:
    return (command.__doc__ or "").partition("\n")[0].rstrip(".")


def _version(distribution: str) -> str:
    """The installed version of a distribution, or of the one that has an import package of that name."""
    candidates = [distribution, *metadata.packages_distributions().get(distribution, ())]
    for name in candidates:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "(not installed as a package)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
