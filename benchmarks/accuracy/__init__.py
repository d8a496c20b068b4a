"""The parts of `benchmarks/accuracy.py`: tables, methods, results and their summary."""
