"""Networks: the backbone, the blocks they are built of, recurrence, and a network as a model."""
