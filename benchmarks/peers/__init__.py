"""bpnet beside its peers on the same job, interleaved in one run: python -m benchmarks.peers."""
