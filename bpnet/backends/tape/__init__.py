"""NumPy's calls of a training step, written down once and then replayed.

A step is some sixty calls of NumPy, which take a microsecond each or less; for small networks what
lies between them, Python's way through layers, costs and optimizers, takes as long again. So the
first step of a scan is done with arrays that write down each call (:mod:`record`, :mod:`calls`).
What they wrote becomes a plan (:mod:`plan`), where gradients are made where they are joined to one
vector (:mod:`joins`), and the plan a function of straight lines (:mod:`code`), which takes the
other steps (:mod:`replay`). The calls are NumPy's own, in an order that keeps every result: the
bits are those of the plain loop.

That holds for a step that is a function of its arguments, as all of bpnet's are. Where a user's
part looks at values, writes to arrays that it was not given, or may have a state of its own, the
plain loop runs; and the first two steps of a new tape are done both ways and compared.
"""
