"""What only the brain adds: planning, the household's memory, the audit record."""
