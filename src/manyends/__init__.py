"""manyends: one brain, many ends; an assistant that lives on a household's own machines."""

__version__ = "0.1.0"
