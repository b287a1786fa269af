"""torch.utils: checkpointing."""
