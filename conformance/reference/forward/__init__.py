"""Forward functions: arrays in, arrays out. Nothing here knows of tensors, types' promotion or gradients."""
