"""Estimators for scikit-learn: the networks of this library behind its interface."""
