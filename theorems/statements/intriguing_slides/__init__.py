"""Document 004: A. M. Sadeghzadeh, Adversarial Examples, slides on "Intriguing properties of neural networks", 2024.

    lipschitz     Lipschitz constants of compositions, layers and networks, and of functions with bounded derivative
    distortion    Table 5's product, and by how much a distortion is magnified
    lagrangian    the optimality conditions as recalled on the slides
    attack        the closest adversarial example, the search over its penalty, and sampling at random

Slides are cited by their titles: they carry no numbers.
"""
