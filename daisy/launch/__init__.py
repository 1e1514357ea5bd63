"""From configurations to models that train: plans, the queue on disk, slots of this host, lanes of Slurm.

The doors: `planning` (configurations that can be trained), `starting` (one model, here and now), `submit` (a sweep), `local`
(its models in this host's slots), `lanes` (its models on Slurm), `following` (how far it is). Nothing is imported here: verbs
that only look ask `evidence` alone.
"""
