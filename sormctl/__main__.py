"""`python -m sormctl`, and the `sormctl` script."""

import signal


def main() -> None:
    """Loads the commands, which takes a moment, and runs one."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C meanwhile shows no traceback
    from sormctl import cli

    cli.main()


if __name__ == "__main__":
    main()
