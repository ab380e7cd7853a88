"""How the product is judged: the scenario runner and the reflex evaluation."""
