"""Messages to the user: on standard output, or to a log where nobody watches."""

import logging
import sys

from kerastorch.errors import near

logger = logging.getLogger("kerastorch")
LEVELS = {
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}
_interactive = True


def enable_interactive_logging():
    """Lets progress bars and messages go to standard output, as they do from the start."""
    global _interactive
    _interactive = True


def disable_interactive_logging():
    """Lets progress bars and messages go to the logger "kerastorch" instead of standard output."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled():
    """Whether progress bars and messages go to standard output.

    Returns:
        True, unless `disable_interactive_logging` was called last.
    """
    return _interactive


def set_logging_verbosity(level):
    """Sets how much of what is sent to the logger is shown.

    Args:
        level: "FATAL" (least), "ERROR", "WARNING", "INFO" or "DEBUG" (most).

    Raises:
        ValueError: For any other level.
    """
    if level not in LEVELS:
        known = ", ".join(LEVELS)
        raise ValueError(f"set_logging_verbosity: level must be one of {known}, not {level!r}.{near(level, LEVELS)}")
    logger.setLevel(LEVELS[level])


def print_msg(message, line_break=True):
    """Shows a message at once, on standard output or in the log.

    Args:
        message: What is shown, made a string.
        line_break: Whether standard output goes to a new line after it.
    """
    text = str(message)
    if not _interactive:
        logger.info(text)
        return
    if line_break:
        text += "\n"
    out = sys.stdout
    try:
        out.write(text)
    except UnicodeEncodeError:  # a terminal that cannot show the bar's line: draw it as Keras 2 did
        encoding = out.encoding or "ascii"
        out.write(text.replace("━", "=").encode(encoding, "ignore").decode(encoding))
    out.flush()
