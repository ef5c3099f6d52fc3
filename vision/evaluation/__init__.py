"""Evaluates the network: metrics, robustness, groups, and the report."""
