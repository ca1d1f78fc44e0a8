"""What stands on the disk: files that are whole or not there, checksums, checkpoints, locks."""
