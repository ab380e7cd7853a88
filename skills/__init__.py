"""What the assistant can do: the SDK, the policy, the home and the built-in skills."""
