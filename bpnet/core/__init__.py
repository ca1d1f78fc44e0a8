"""The math of the paper, as functions of arrays of any library that speaks the Array API.

Nothing here imports an array library: each function takes the namespace of its arrays as ``xp``,
looked up once by the caller with :func:`bpnet.core.namespace.namespace_of`.

Notation, batch first; ``...`` stands for member axes, networks computed at once:

==========  ==========================  ====================================================
symbol      shape                       meaning, equation of the paper
==========  ==========================  ====================================================
``x``       ``(..., batch, n_0)``       the input, a^0
``W``       ``(..., n_in, n_out)``      weights of one layer, the transpose of the paper's W^l
``b``       ``(..., n_out)``            biases of one layer, b^l
``z``       ``(..., batch, n_out)``     weighted input z^l (12) (13)
``a``       ``(..., batch, n_out)``     activation a^l = sigma(z^l) (11) (14)
``y``       ``(..., batch, n_L)``       the target, the desired output
``C``       ``(..., batch)`` or mean    the cost (4) (5) (9) (25) (27)
``delta``   like ``z``                  the error dC/dz^l (15)
``dC_da``   like ``a``                  dC/da^l, the first factor of (16) and (22)
``eta``     number                      the learning rate (3), ``learning_rate`` in the API
``m``       number                      size of the training set; ``k`` of one mini-batch
``alpha``   number                      strength of L2 (27), ``l2`` in the API
==========  ==========================  ====================================================

Slips of the paper, noted where they matter: (10) puts the sum outside sigma; the picture of
100x100 pixels has 50,005,000 quadratic terms, not 5,050; (23) prints a_j under its sum, it is
a_k; (17) and (26) are for one example, over a batch the mean is taken.
"""
