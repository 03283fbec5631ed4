"""Observation: events for who wants to know, metrics in bounded memory, traces of where time goes."""
