"""Evaluate the network: metrics, calibration, robustness, groups, and the report."""
