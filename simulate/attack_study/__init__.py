"""Attacks measured: on random networks of any size, on data, on a user's network."""

from simulate.attack_study.document import QUANTILES, document
from simulate.attack_study.methods import METHODS, Request, attack, chosen
from simulate.attack_study.subjects import OnData, RandomNetworks, Subject, one_thread
from simulate.attack_study.table import render

__all__ = [
    "METHODS",
    "QUANTILES",
    "OnData",
    "RandomNetworks",
    "Request",
    "Subject",
    "attack",
    "chosen",
    "document",
    "one_thread",
    "render",
]
