"""Local history, which is the truth, and its mirror on Weights & Biases."""
