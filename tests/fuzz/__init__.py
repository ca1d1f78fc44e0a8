"""A fuzzer of every format that bpnet reads: ``ci/fuzz --inputs 100000``; CI does 1,800."""
