"""Language models and embeddings, behind one engine interface."""
