"""Training: one loop, one place for checkpoints, one dictionary of optimisers and one of schedules."""
