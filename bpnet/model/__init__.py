"""What a training run trains: a network, several as one, and their files."""
