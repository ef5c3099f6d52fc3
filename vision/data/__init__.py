"""Labelled data sets, as rows that the network can learn from and be tested on."""
