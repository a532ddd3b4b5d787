"""Speed and memory, measured against something run beside it. ``python -m benchmarks --help``."""
