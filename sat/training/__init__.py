"""Training: losses, batches, the loop and the run folder."""
