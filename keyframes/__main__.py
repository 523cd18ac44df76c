"""``python -m keyframes``: the same as the command ``keyframes``."""

from keyframes.cli import main

if __name__ == "__main__":
    main()
