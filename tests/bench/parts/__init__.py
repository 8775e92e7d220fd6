"""The parts of docs/benchmarks.md. Each module has one function `measure`, which returns a section of the page."""
