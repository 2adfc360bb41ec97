"""What single papers add to the attacks and the training loop: one module a method."""
