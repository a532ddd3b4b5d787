"""``python -m weaverlite`` is the ``weaverlite`` command."""

from weaverlite.cli import main

if __name__ == "__main__":
    main(prog_name="weaverlite")
