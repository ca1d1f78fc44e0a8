"""A training step, recorded once, and then replayed without Python's way through it.

The namespace of :mod:`recorder` hands every function of the standard on to a library's own, and its
arrays every operator; what they do becomes a graph (:mod:`graph`). The tools of ``bpnet.check``
count with it. A scan records its first step; the graph becomes a plan (:mod:`plan`), in which
results have memory that waits for them, gradients are made where they are joined to one vector
(:mod:`joins`) and views are taken once; and the plan a function of straight lines
(:mod:`lines`), which takes the other steps (:mod:`replay`).

That holds for a step that is a function of its arguments, as all of bpnet's are. A user's part is
replayed where it says so itself, by an attribute ``pure = True``; else the plain loop runs, as it
does where a part looks at values. The first two steps of a new plan are done both ways and
compared.
"""
