"""Storage on the disk: files that are complete or absent, checksums, checkpoints and locks."""
