"""Statements: what papers, lectures and theses claim, as executable records with verdicts."""
