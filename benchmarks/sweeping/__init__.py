"""A search beside the stock stack: the parts of benchmarks/sweep.py."""
