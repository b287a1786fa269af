"""The operations: forward functions and gradient rules joined under PyTorch's names and signatures."""
