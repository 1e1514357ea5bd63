"""What launching on Slurm costs: the parts of benchmarks/launch.py."""
