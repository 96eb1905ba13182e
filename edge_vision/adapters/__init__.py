"""Adapters: how models of well-known families are told, and how their outputs are read."""
