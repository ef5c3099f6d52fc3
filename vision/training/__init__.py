"""Training: recipes, batches, augmentation, and the folder of a run."""
