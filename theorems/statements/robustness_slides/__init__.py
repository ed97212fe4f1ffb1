"""Document 002: R. Kashefi, Adversarial Robustness, slides.

    linear          losses and probabilities, dual norms, the worst case of a linear classifier, targeted objectives
    steps           steepest descent, projections, FGSM, one step of the ℓ2 attack, volumes of balls
    verification    ReLU as integer constraints, their relaxation, interval bounds, certification

Slides are cited by their titles: they carry no numbers.
"""
