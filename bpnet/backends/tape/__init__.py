"""NumPy's calls of a training step, written down once and then replayed.

A step is some sixty calls of NumPy, which take a microsecond each or less; for small networks what
lies between them, Python's way through layers, costs and optimizers, takes as long again. So the
first steps of a scan are done with arrays that write down each call (:mod:`record`). What they
wrote becomes a plan (:mod:`plan`), where calls that do the same to several small arrays are one
(:mod:`lanes`), and the plan a function of straight lines (:mod:`code`), which takes all further
steps (:mod:`replay`). The calls are NumPy's own, in an order that keeps every result: the bits are
those of the plain loop, which is what runs where a step does what can't be written down.
"""
