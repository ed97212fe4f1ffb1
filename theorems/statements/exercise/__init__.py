"""Document 000: the exercise on FGSM and on the Carlini-Wagner objectives, statement by statement.

    spaces          eq. (2): domain, codomain, and which outputs the network attains
    softmax         eq. (3): range and sum, attained probabilities, exact and in floating point
    argmax          eq. (4): classifying by logits or by probabilities, exact and in floating point
    cross_entropy   eq. (5): the loss and its gradient in the logits, exact and in floating point
    gradient        eq. (7), the derivative of ReLU(Ax), the closed form F_i; automatic differentiation at kinks
    fgsm            eq. (6), the step and its box, FGSM and the smallest perturbation
    intuition       what the text says the attack does to the logits and to the classification
    carlini_wagner  eq. (8), its counterexample values, each proposed repair for two and for n classes
    sup_norm        the derivative of the sup norm, by hand and by automatic differentiation
    surrogate       the surrogates g and g* and their derivatives
    descent         what minimising the norm or a surrogate by gradient descent does

Helpers without statements: `source`, `network` (the three-layer network, its closed form and its one-sided
derivative), `spellings` (the ways to write a ReLU, a sup norm, a loss in torch, with the convention of each).

Left out, because there is nothing to check: that the network is for three classes, which attack is called
targeted, advice (which loss to use, what is "proper"), what is "reasonable", and what students should read.
"""
