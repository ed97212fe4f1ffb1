"""Document 003: J. Peck, Robustness of Classifiers to Adversarial Perturbations, thesis, 2017.

    linear          chapter 3: distance to the boundary of linear classifiers, tightness, FGS
    search          chapter 2: flattening, and the bisection for the smallest ε of FGS
    attacks         section 2.5: L-BFGS, fast gradient sign and value, what the bisection returns
    hot_cold        section 2.5.3: the hot/cold direction
    iterated        section 2.7: FGS applied to its own results
    mlp             chapter 4 and A.1: Taylor's theorem, bounds on derivatives, the robustness of an MLP
    convolution     chapter 5 and A.2: ReLU and convolutions
    pooling         chapter 5 and A.2: MAX, average and L_p pooling
    normalisation   chapter 5: Batch Normalization
    response        chapter 5: Local Response Normalization
    depth           chapter 5: what increments of all layers do together

"The next layer has a robustness of κ" is used in two meanings. Its definition says that a change Q of the next
layer's input must have ‖Q‖ >= κ to be adversarial; so κ = ‖layer(X + R) − layer(X)‖ is the most that it can be,
and readings call this *the definition*. The derivations solve ‖layer(X + R)‖ = ‖layer(X)‖ + κ instead, which
readings call *the text's condition*. Its κ is never the larger one, and is 0 or less where a perturbation leaves the
norm as it is. All bounds on ‖R‖ increase with κ: one that holds under the definition holds under the text's
condition, and one that fails under the text's condition fails under the definition.

Left out: chapters 1, 2 and 6 beyond flattening and sections 2.5 and 2.7, expectations over an unknown distribution μ
(Theorems 3.2, 3.6 and 4.3 follow from what holds at every x), and tables of measurements on data sets.
"""
