"""What pruning saves and what it costs: the parts of benchmarks/pruning.py."""
