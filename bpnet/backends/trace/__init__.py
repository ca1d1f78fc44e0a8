"""A training step, recorded once, and then replayed without the overhead of Python.

The namespace of :mod:`recorder` calls every function of the standard and every operator on a
library's own arrays, and notes the calls in a graph (:mod:`graph`). The tools of ``bpnet.check``
count with it. A scan records its first step. The graph becomes a plan (:mod:`plan`), with
preallocated memory for results, with gradients computed in their place in one vector
(:mod:`joins`), and with views taken once. The plan becomes a function of straight lines
(:mod:`lines`), which does the other steps (:mod:`replay`).

Only a step that is a function of its arguments can be replayed, as all steps of bpnet are. A user's
part declares it by an attribute ``pure = True``; otherwise the plain loop runs, as it does where a
part reads values. The first two steps of a new plan are done both ways and compared.
"""
