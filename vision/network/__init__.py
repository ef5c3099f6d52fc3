"""The two-view network: weights, inference, calibration and heat maps."""
