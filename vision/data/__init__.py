"""Labelled data sets, as rows for training and evaluation."""
