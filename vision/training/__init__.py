"""Train the network: recipes, augmentation, batches, and run folders."""
