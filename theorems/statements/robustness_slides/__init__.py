"""Document 002: R. Kashefi, Adversarial Robustness, slides; every slide, statement by statement.

    linear          losses and probabilities, dual norms, the worst case of a linear classifier, the targeted objective
    objectives      what a larger targeted objective says about probabilities and classes; the listing's loss
    risks           risks, the robust problem of linear models, its convexity and its optimum
    training        Danskin's theorem, and the step of adversarial training
    multiclass      moving the maximum inside the loss, for two classes and for more; rounding pixels
    steps           steepest descent, projections, FGSM, one step of the ℓ2 attack, volumes of balls
    fgsm            where FGSM ends, where it is optimal, one step of PGD, and what is stronger
    surface         kinks, cost surfaces, steep directions, local optima, steps across the ball
    balls           balls, the range of images, projections in ℓ∞ and ℓ1, what perturbations of each norm look like
    verification    ReLU as integer constraints, their relaxation, interval bounds, certification
    linearization   what the proof of the constraints says, which bounds they may have, the hull of the relaxation
    programme       the integer programme: its box, its optimum beside an enumeration, what its sign means
    propagation     the last layer, what interval bounds verify, training with them, how loose they get
    techniques      this program's attack, integer programme, relaxation, dual and interval bounds on random networks

Slides are cited by their titles: they carry no numbers.

Left out, because there is nothing to check: what images look like and how people see them, advice (how small a step
is reasonable, mixing in the standard loss), running times and what is practical, what is "difficult" or NP-hard in
general, that some programmes never finish, reports on networks and data that are not given (error rates on MNIST and
CIFAR10, how flat the loss of a robust model is), and fragments of formulas (z_{i+1} for "i, …, d", {0, 1} to the power
v_i).
"""
