"""Document 001: A. Lucchi, Foundations of Deep Learning, Lecture 11, Adversarial Examples, Fall 2024.

One module an idea, in the order of the slides; each assigns its statements to names.
"""
