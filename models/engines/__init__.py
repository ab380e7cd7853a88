"""The engines that run a language model."""
