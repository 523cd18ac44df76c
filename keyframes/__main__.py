"""The command ``keyframes``, and ``python -m keyframes``."""

from keyframes.interrupts import heed_interrupts


def main() -> None:
    """Run the command line, which can be stopped while it is loaded, too."""
    heed_interrupts()
    from keyframes.cli import main  # noqa: PLC0415 - see above

    main()


if __name__ == "__main__":
    main()
