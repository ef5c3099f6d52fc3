"""How right the network is: metrics, robustness, groups, and the report."""
